"use strict";
// Keeps the part of the page that is marked as live up to date, until it says that nothing more will happen.
const live = document.querySelector("[data-live]");
let shown = "";

async function look() {
  const answer = await fetch(live.dataset.live, { cache: "no-store" });
  if (answer.ok) {
    const text = await answer.text();
    if (text !== shown) {
      live.innerHTML = text; // escaped where it was made
      shown = text;
    }
  }
  again();
}

function again() {
  if (!live.querySelector("[data-done]")) setTimeout(() => look().catch(again), 300);
}

if (live) again();
