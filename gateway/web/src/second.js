// Draws again each second, for what shows ages.
import { useEffect, useState } from "./html.js";

export function useSecond() {
  const [second, setSecond] = useState(() => Math.floor(Date.now() / 1000));
  useEffect(() => {
    const timer = setInterval(() => setSecond(Math.floor(Date.now() / 1000)), 1000);
    return () => clearInterval(timer);
  }, []);
  return second;
}
