/** The browser's own store: keys that cannot leave it, the session's counter and requests whose outcome is not known. */

const NAME = 'outvote';
const VERSION = 1;
export const STORES = ['keys', 'sessions', 'outbox'] as const;
export type StoreName = (typeof STORES)[number];

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      for (const store of STORES) {
        if (!asked.result.objectStoreNames.contains(store)) {
          asked.result.createObjectStore(store);
        }
      }
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(new Error(`this browser keeps no data for this page: ${asked.error?.message ?? ''}`));
  });
  return opened;
}

function result<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('the browser refused to read its data'));
  });
}

/**
 * Runs `body` in one transaction, which other tabs wait for. The body may await nothing but this transaction's own
 * requests, or the browser closes it.
 */
export async function transact<T>(
  stores: StoreName[],
  mode: IDBTransactionMode,
  body: (store: (name: StoreName) => IDBObjectStore, wait: typeof result) => Promise<T>,
): Promise<T> {
  const database = await open();
  const transaction = database.transaction(stores, mode);
  const done = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the browser could not keep the data'));
    transaction.onerror = () => undefined; // An abort follows, with the same error.
  });
  const value = await body((name) => transaction.objectStore(name), result);
  await done;
  return value;
}
