for (const part of document.querySelectorAll(".needs-script")) part.hidden = false;
startWords();
startHeads();
startRollout();
