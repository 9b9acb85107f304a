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

/**
 * Runs `work` now and every `everyMs` after it has ended, while the tab can be seen.
 * Answers with a function that ends it.
 */
export function poll(work: () => Promise<void>, everyMs: number): () => void {
  let timer: number | undefined;
  let running = false;
  let ended = false;
  const run = async (): Promise<void> => {
    if (running || ended || document.hidden) return;
    running = true;
    await work();
    running = false;
    if (!ended) timer = window.setTimeout(run, everyMs);
  };
  const onVisible = (): void => {
    clearTimeout(timer);
    void run();
  };
  document.addEventListener('visibilitychange', onVisible);
  void run();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}
