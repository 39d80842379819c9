// The line that says where it is read, how fast, and whether the page works without a network.

export function connectStatus(models, readings) {
  const line = document.getElementById("status");
  let times = [];
  let failed = "";

  const show = () => {
    if (failed) {
      line.textContent = failed;
      return;
    }
    const where = models.place === "browser" ? "Read in this browser; nothing is sent" : "Read by the server, as this browser cannot run the network";
    const median = [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];
    const speed = median === undefined ? "" : `, ${median.toFixed(1)} ms a reading`;
    line.textContent = `${where}${speed}.${navigator.onLine ? "" : " No network."}`;
  };
  readings.addEventListener("read", () => {
    for (const reading of readings.latest.values()) if (!reading.error) times.push(reading.milliseconds);
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
