// The status line: where predictions are computed, how fast, and whether there is a network.

export function connectStatus(models, predictions) {
  const line = document.getElementById("status");
  let times = [];
  let failed = "";

  const show = () => {
    if (failed) {
      line.textContent = failed;
      return;
    }
    const where = models.place === "browser" ? "Predicted in this browser, nothing is sent" : "Predicted by the server, since this browser cannot run the network";
    const median = [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];
    const speed = median === undefined ? "" : ` (${median.toFixed(1)} ms per prediction)`;
    line.textContent = `${where}${speed}.${navigator.onLine ? "" : " Offline."}`;
  };
  predictions.addEventListener("predicted", () => {
    for (const prediction of predictions.latest.values()) if (!prediction.error) times.push(prediction.milliseconds);
    times = times.slice(-30);
    show();
  });
  models.addEventListener("change", () => {
    failed = "";
    times = [];
    show();
  });
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  return (words) => {
    failed = words;
    show();
  };
}
