// The few things every page does with the document.

/** The element with this id, which the page's HTML must have. */
export function element<T extends HTMLElement>(id: string, type: { new (): T }): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

export function field(parent: ParentNode, name: string): HTMLElement {
  const found = parent.querySelector<HTMLElement>(`[data-field="${name}"]`);
  if (found === null) throw new Error(`the page has no field ${name}`);
  return found;
}

/** Writes only what changed: a live region rewritten with the same words would be read out again. */
export function show(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Says what went wrong, in a notice. */
export function tell(notice: HTMLElement, { title, detail }: { title: string; detail: string }): void {
  notice.hidden = false;
  const [strong, rest] = [document.createElement('strong'), detail === '' ? '' : ` ${detail}`];
  strong.textContent = `${title}.`;
  if (notice.textContent !== `${title}.${rest}`) notice.replaceChildren(strong, rest);
}

/** What is done again and again. */
export interface Poll {
  /** Does it now, and goes on from there. */
  now(): Promise<void>;
  end(): void;
}

/** Runs `work` now and `everyMs` after it has ended, while the tab can be seen; `everyMs` is asked each time. */
export function poll(work: () => Promise<void>, everyMs: () => number): Poll {
  let timer: number | undefined;
  let running: Promise<void> | null = null;
  let ended = false;
  const run = async (): Promise<void> => {
    if (ended || document.hidden) return;
    running ??= work();
    await running;
    running = null;
    clearTimeout(timer);
    if (!ended) timer = window.setTimeout(() => void run(), everyMs());
  };
  const onVisible = (): void => {
    clearTimeout(timer);
    void run();
  };
  document.addEventListener('visibilitychange', onVisible);
  void run();
  return {
    now: async () => {
      // What runs may have asked before the news that this is about.
      await running;
      await run();
    },
    end: () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
