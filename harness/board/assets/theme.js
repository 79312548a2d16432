"use strict";
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("harness-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* no storage here: the system's choice stands */ }
