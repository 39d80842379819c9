"""From images and strokes to the canvas, from the canvas to what a network sees, and what can go wrong before it."""
