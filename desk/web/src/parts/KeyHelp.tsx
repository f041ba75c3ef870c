/** The keys that work now, on `?`; and the switch that turns single keys off. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../hooks.ts";
import { keysAreOn, onKey, setKeys, useKey, useKeyList } from "../keys.ts";
import { t } from "../texts.ts";

export function KeyHelp() {
  const [open, setOpen] = useState(false);
  // At once, as with the keys of the parts: whoever sees the page may press one.
  useLayoutEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useKey("?", t.keys.help, () => setOpen(true));
  return (
    <>
      <button
        type="button"
        class="button quiet"
        aria-haspopup="dialog"
        aria-keyshortcuts="?"
        title={t.header.keys}
        onClick={() => setOpen(true)}
      >
        <span class="word">{t.header.keys}</span> <kbd aria-hidden="true">?</kbd>
      </button>
      {open && <Help close={() => setOpen(false)} />}
    </>
  );
}

function Help({ close }: { close: () => void }) {
  const on = useStore(keysAreOn);
  const list = useKeyList();
  const shown = useModal();
  return (
    <dialog ref={shown} class="card keys" aria-labelledby="keys-title" onClose={close}>
      <h2 id="keys-title">{t.keys.title}</h2>
      <p class="muted">{t.keys.intro}</p>
      <dl class="key-list">
        {list.map((action) => (
          <div key={action.key}>
            <dt>
              <kbd>{action.key.toUpperCase()}</kbd>
            </dt>
            <dd>{action.label}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>{t.keys.escape}</kbd>
          </dt>
          <dd>{t.keys.leaveField}</dd>
        </div>
      </dl>
      <div class="row">
        <button type="button" class="button" aria-pressed={on} onClick={() => setKeys(!on)}>
          {on ? t.keys.on : t.keys.off}
        </button>
        <button type="button" class="button primary" onClick={() => shown.current?.close()}>
          {t.keys.close}
        </button>
      </div>
    </dialog>
  );
}

/** Opens a dialog as modal when it is drawn; one that goes while it is open gives the focus back to where it was. */
export function useModal() {
  const shown = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = shown.current;
    if (!dialog?.open) dialog?.showModal();
    return () => {
      if (dialog?.open && before instanceof HTMLElement) before.focus();
    };
  }, []);
  return shown;
}
