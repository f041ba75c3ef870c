/** The microphone and the other sound devices of this computer, and what to tell when one cannot be had. */

import type { Problem } from "./phone.ts";
import type { Preferences } from "./preferences.ts";

export interface Device {
  readonly id: string;
  readonly label: string;
}

export interface Devices {
  readonly microphones: readonly Device[];
  readonly speakers: readonly Device[];
}

export const NO_DEVICES: Devices = { microphones: [], speakers: [] };

/** A microphone that could not be opened. */
export class MicrophoneError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** The microphone as chosen; a chosen one that is not plugged in gives way to what the system prefers. */
export async function openMicrophone({ microphone, processing }: Preferences): Promise<MediaStreamTrack> {
  if (!window.isSecureContext) throw new MicrophoneError({ code: "insecure", message: "" });
  if (!navigator.mediaDevices?.getUserMedia || typeof RTCPeerConnection === "undefined") {
    throw new MicrophoneError({ code: "unsupported", message: "" });
  }
  const audio: MediaTrackConstraints = {
    ...(microphone && { deviceId: { ideal: microphone } }),
    channelCount: { ideal: 1 },
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
  };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    return stream.getAudioTracks()[0]!;
  } catch (error) {
    throw new MicrophoneError({ code: codeOf(error), message: "" });
  }
}

/** Our word for what the browser says; the names are those of W3C Media Capture and Streams, section 10.2. */
export function codeOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "no_microphone" : "microphone_busy";
}

/** The devices by name; browsers tell names only while the microphone is allowed. */
export async function listDevices(): Promise<Devices> {
  const found = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) =>
    found
      .filter((one) => one.kind === kind && one.deviceId !== "" && one.deviceId !== "default")
      .map((one) => ({ id: one.deviceId, label: one.label }));
  return { microphones: of("audioinput"), speakers: of("audiooutput") };
}
