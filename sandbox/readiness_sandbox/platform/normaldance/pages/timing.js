// Tells the frontend how long this page took from the click to its last picture.
addEventListener("load", () => setTimeout(() => {
  const [entry] = performance.getEntriesByType("navigation");
  const timing = { page: location.pathname, seconds: entry.loadEventEnd / 1000 };
  navigator.sendBeacon("/timings", new Blob([JSON.stringify(timing)], { type: "application/json" }));
}));
