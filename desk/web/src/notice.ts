/** Notices that reach a person who looks elsewhere: the page's title flashes, two soft tones sound. */

const SOUND_KEY = "ringside.sound";

export function soundIsOn(): boolean {
  try {
    return localStorage.getItem(SOUND_KEY) !== "off";
  } catch {
    return true;
  }
}

export function setSound(on: boolean): void {
  try {
    localStorage.setItem(SOUND_KEY, on ? "on" : "off");
  } catch {
    // A browser that forbids storage forgets the choice; nothing else depends on it.
  }
}

/** The title when nothing flashes: two notices may overlap, so it is never read from a lit one. */
const CALM = typeof document === "undefined" ? "" : document.title;

/** Flash the title until the returned function is called. */
export function flashTitle(text: string): () => void {
  let lit = false;
  const turn = () => {
    lit = !lit;
    document.title = lit ? `● ${text}` : CALM;
  };
  turn();
  const timer = setInterval(turn, 1000);
  return () => {
    clearInterval(timer);
    document.title = CALM;
  };
}

/** Two soft tones. Browsers allow sound only after the person has touched the page; before that this stays silent. */
export function chime(): void {
  if (!soundIsOn() || typeof AudioContext === "undefined" || !navigator.userActivation?.hasBeenActive) return;
  const context = new AudioContext();
  [660, 880].forEach((pitch, index) => {
    const start = context.currentTime + index * 0.18;
    const tone = new OscillatorNode(context, { frequency: pitch });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.4);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.45);
  });
  setTimeout(() => void context.close(), 1_000);
}
