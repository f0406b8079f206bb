// Asks again and again while a page is open and seen; the newest answer, or null.
import { useEffect, useState } from "./html.js";
import { ask } from "./api.js";

export function usePoll(path, everyMs, options) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    let timer = null, isWanted = true;
    const look = async () => {
      if (!document.hidden) {
        const told = await ask(path, options && options());
        if (isWanted) {
          setAnswer(told);
        }
      }
      if (isWanted) {
        timer = setTimeout(look, everyMs);
      }
    };
    look();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [path]);
  return answer;
}
