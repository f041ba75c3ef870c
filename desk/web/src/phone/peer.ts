/** One WebRTC peer: offers with all its candidates, takes the centre's answer, tells when sound flows and when not. */

import type { IceServer } from "./messages.ts";
import type { Sample } from "./quality.ts";

const GATHERING_MS = 1_500;
/** So long may a connection take; then it counts as lost and a new peer is tried. */
const CONNECTING_MS = 6_000;
/** A connection that the browser calls disconnected often comes back by itself. */
const RECOVERY_MS = 2_000;

export interface PeerOptions {
  iceServers: readonly IceServer[];
  /** Names of codecs as SDP writes them, the best first. */
  codecs: readonly string[];
  microphone: MediaStreamTrack;
  onHeard: (stream: MediaStream) => void;
  onUp: () => void;
  onLost: () => void;
}

export class Peer {
  private readonly connection: RTCPeerConnection;
  private readonly sender: RTCRtpSender;
  private watch: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(private readonly options: PeerOptions) {
    this.connection = new RTCPeerConnection({ iceServers: [...options.iceServers] });
    const transceiver = this.connection.addTransceiver(options.microphone, { direction: "sendrecv" });
    this.sender = transceiver.sender;
    prefer(transceiver, options.codecs);
    this.connection.ontrack = (event) => options.onHeard(new MediaStream([event.track]));
    this.connection.onconnectionstatechange = () => this.look();
  }

  /** The offer with every candidate found in time. */
  async offer(): Promise<string> {
    await this.connection.setLocalDescription();
    await gathered(this.connection);
    return this.connection.localDescription?.sdp ?? "";
  }

  /** Time to connect runs from here: how long the centre takes for its answer is the link's matter. */
  async take(answer: string): Promise<void> {
    this.lostAfter(CONNECTING_MS);
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  replaceMicrophone(track: MediaStreamTrack): Promise<void> {
    return this.sender.replaceTrack(track);
  }

  /** The counters of what is heard; null before anything came. */
  async sample(): Promise<Sample | null> {
    const report = [...(await this.connection.getStats()).values()] as Record<string, unknown>[];
    const inbound = report.find((one) => one["type"] === "inbound-rtp");
    if (!inbound) return null;
    const pair = report.find((one) => one["type"] === "candidate-pair" && one["nominated"] === true);
    return {
      received: number(inbound["packetsReceived"]),
      lost: number(inbound["packetsLost"]),
      jitterMs: number(inbound["jitter"]) * 1_000,
      rttMs: number(pair?.["currentRoundTripTime"]) * 1_000,
    };
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.watch);
    this.connection.close();
  }

  private look(): void {
    if (this.closed) return;
    switch (this.connection.connectionState) {
      case "connected":
        clearTimeout(this.watch);
        return this.options.onUp();
      case "disconnected":
        return this.lostAfter(RECOVERY_MS);
      case "failed":
        return this.lostAfter(0);
    }
  }

  private lostAfter(ms: number): void {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.options.onLost(), ms);
  }
}

const number = (value: unknown) => (typeof value === "number" ? value : 0);

/** The codecs that the centre names, in its order; all of the browser's if it knows none of them. */
function prefer(transceiver: RTCRtpTransceiver, names: readonly string[]): void {
  const capable = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
  const wanted = codecsInOrder(capable, names);
  if (wanted.length > 0) transceiver.setCodecPreferences?.(wanted);
}

/** Also keeps telephone events and comfort noise out: digits go over the link, silence is sound like any other. */
export function codecsInOrder<C extends { mimeType: string }>(capable: readonly C[], names: readonly string[]): C[] {
  return names.flatMap((name) => capable.filter((one) => one.mimeType.toLowerCase() === `audio/${name.toLowerCase()}`));
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    if (connection.iceGatheringState === "complete") return resolve();
    const timer = setTimeout(resolve, GATHERING_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    });
  });
}
