/** A post that is on its way and shown by a replica already: one line is enough. */

export type OnItsWay = {
  text: string;
  isUnanswered: boolean;
  /** The newest message that the room showed when it was sent; `null` where that is not known. */
  after: number | null;
};

export type Own = { index: number; text: string };

/** Those on their way that none of the visitor's own messages shows. Each message stands for one of them, in their order; one
 * whose answer is in is never left out, for what came of it must be seen. */
export function notShownYet<T extends OnItsWay>(onTheirWay: readonly T[], own: readonly Own[]): T[] {
  const left = [...own];
  return onTheirWay.filter(({ text, isUnanswered, after }) => {
    const at = left.findIndex((message) => after !== null && message.index > after && message.text === text);
    if (at < 0) {
      return true;
    }
    left.splice(at, 1);
    return !isUnanswered;
  });
}
