// Signing out takes away what the queue has kept in this browser for the one who signs out.
(() => {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-signout]")) return;
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith("amdash typed ")) localStorage.removeItem(name);
    } catch { /* nothing could be kept either */ }
  });
})();
