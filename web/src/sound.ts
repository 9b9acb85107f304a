// Sound beside the picture. Browsers let a page start by itself only without sound, so it starts muted, and a button over
// the picture says that there is more. Who has turned the sound on once has it for the rest of the session.

const KEY = 'camgate.sound';

/** The choice of this tab's session. Storage may be forbidden: then it is not remembered. */
function chosen(): boolean {
  try {
    return sessionStorage.getItem(KEY) === 'on';
  } catch {
    return false;
  }
}

function remember(on: boolean): void {
  try {
    sessionStorage.setItem(KEY, on ? 'on' : 'off');
  } catch {
    // It is asked for again on the next page.
  }
}

export class Sound {
  private offered = false;
  /** What the page itself has set: any other value is a person's choice, made with the browser's own controls. */
  private muted = true;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly button: HTMLButtonElement,
  ) {
    video.addEventListener('volumechange', () => {
      if (video.muted !== this.muted) {
        this.muted = video.muted;
        remember(!video.muted);
      }
      this.show();
    });
    button.addEventListener('click', () => {
      this.mute(false);
      if (video.volume === 0) video.volume = 1;
      remember(true);
      void video.play().catch(() => undefined);
      // The button goes away; the keyboard goes on where the sound can be turned off again.
      video.focus({ preventScroll: true });
    });
  }

  /** Starts to play, with sound if that was chosen before and the browser allows it. Rejects like `video.play()`. */
  async play(): Promise<void> {
    this.mute(!chosen());
    try {
      await this.video.play();
    } catch (error) {
      const refused = error instanceof DOMException && error.name === 'NotAllowedError';
      if (!refused || this.video.muted) throw error;
      this.mute(true);
      await this.video.play();
    }
  }

  /** Says whether there is something to hear. */
  offer(offered: boolean): void {
    this.offered = offered;
    this.show();
  }

  private mute(muted: boolean): void {
    this.muted = muted;
    this.video.muted = muted;
    this.show();
  }

  private show(): void {
    this.button.hidden = !this.offered || !this.video.muted;
  }
}
