// Fills the table of the dashboard, again every five seconds.
const row = (name, value) => `<tr><th>${name}</th><td>${value}</td></tr>`;

async function show() {
  const answer = await fetch("/api/health");
  const { status } = await answer.json();
  const seen = new Date().toISOString();
  document.querySelector("#health").innerHTML = row("health", status) + row("seen", seen);
}

addEventListener("DOMContentLoaded", () => {
  show();
  setInterval(show, 5000);
});
