// Tells the operator's log that a person looked at this page: once, and only when it is seen.
// The page works without this script, in which case an image carries the same one-time token.

interface Place {
  lat: number;
  lon: number;
}

type PrerenderingDocument = Document & { readonly prerendering?: boolean };

const page: PrerenderingDocument = document;
const { beacon, token, lang } = page.body.dataset;

function post(url: string, body: object): void {
  const json = JSON.stringify(body);
  // Both outlive the page. sendBeacon says false when its queue is full or it is switched off.
  if (!navigator.sendBeacon?.(url, new Blob([json], { type: "application/json" }))) {
    const headers = { "content-type": "application/json" };
    // A lost scan is not worth a message: the verdict stands without it.
    fetch(url, { method: "POST", body: json, headers, keepalive: true }).catch(() => {});
  }
}

/** Calls `seen` once, when the page is shown to a person: not prerendered, not in the background. */
function whenSeen(seen: () => void): void {
  const events = ["prerenderingchange", "visibilitychange"];
  const look = (): void => {
    if (page.prerendering || page.visibilityState !== "visible") return;
    for (const name of events) page.removeEventListener(name, look);
    seen();
  };
  for (const name of events) page.addEventListener(name, look);
  look();
}

/** About 1 km: the exact position never leaves the phone. */
const snap = (degrees: number): number => Math.round(degrees * 100) / 100;

function offerLocation(send: (place: Place) => void): void {
  const box = page.getElementById("locate");
  const button = box?.querySelector("button");
  const status = box?.querySelector("[role=status]");
  if (!box || !button || !status || !("geolocation" in navigator)) return;
  const close = (text: string | undefined): void => {
    button.hidden = true;
    status.textContent = text ?? "";
  };
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        send({ lat: snap(coords.latitude), lon: snap(coords.longitude) });
        close(box.dataset["done"]);
      },
      () => close(box.dataset["refused"]),
      { maximumAge: 60_000, timeout: 15_000 },
    );
  });
  box.hidden = false;
}

if (beacon && token) {
  const scan = { token, lang };
  whenSeen(() => post(beacon, scan));
  offerLocation((place) => post(beacon, { ...scan, place }));
}
