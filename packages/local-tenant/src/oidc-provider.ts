/**
 * The OpenID Connect library, loaded without its notice about Node 20. The library works there (the tests of the
 * tenant say so), and no command of this project may print a warning on a version that it supports.
 */
const NOTICE = /oidc-provider WARNING: Unsupported runtime/;

/** Loads the library while the one notice that it prints at import is left out; any other passes. */
async function loadLibrary() {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (!NOTICE.test(String(words[0]))) warn(...words);
  };
  try {
    return await import('oidc-provider');
  } finally {
    console.warn = warn;
  }
}

export const oidcLibrary = await loadLibrary();
