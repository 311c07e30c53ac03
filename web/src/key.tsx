// Asks for the API key, when the server wants one or the reader does.
import { useState } from "preact/hooks";
import { useSession } from "./data";
import { Dialog } from "./parts";
import { keepWithoutKey, setKey } from "./session";

export function KeyDialog(props: { close: () => void }) {
  const { key, wanted } = useSession();
  const [typed, setTyped] = useState("");
  const close = () => {
    keepWithoutKey();
    props.close();
  };
  const save = (event: Event) => {
    event.preventDefault();
    setKey(typed.trim());
    props.close();
  };
  return (
    <Dialog title="API key" close={close}>
      <form class="stack" onSubmit={save}>
        <p>
          {wanted && key && "The server does not take this key: it is wrong, expired or revoked. "}
          {wanted && !key && "This server wants a key. "}
          <code>wellhead keys create --role reader</code> makes one; a key of the role <code>operator</code> can also load.
        </p>
        <label class="field">
          <span>Key</span>
          <input type="password" autocomplete="off" spellcheck={false} autofocus required value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)} placeholder="wellhead_…" />
        </label>
        <p class="note">It is kept in this tab until the tab is closed, and sent to this server alone.</p>
        <div class="actions">
          <button type="submit">Use this key</button>
          {key && <button type="button" class="quiet" onClick={() => { setKey(""); props.close(); }}>Forget the key</button>}
        </div>
      </form>
    </Dialog>
  );
}
