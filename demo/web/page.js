// @ts-check
/** The elements of index.html, and the page's own texts in its languages. */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no such element: ${id}`);
  return element;
}

/** @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
const TEXTS = {
  en: {
    title: 'Your preferences',
    language: 'Language of this page',
    welcome: 'See and change what the app keeps about you',
    logIn: 'Log in',
    logOut: 'Log out',
    failed: 'The page could not start. Please reload it.',
  },
  de: {
    title: 'Ihre Einstellungen',
    language: 'Sprache dieser Seite',
    welcome: 'Sehen und ändern Sie, was die App über Sie speichert',
    logIn: 'Anmelden',
    logOut: 'Abmelden',
    failed: 'Die Seite konnte nicht starten. Bitte laden Sie sie neu.',
  },
  el: {
    title: 'Οι προτιμήσεις σας',
    language: 'Γλώσσα αυτής της σελίδας',
    welcome: 'Δείτε και αλλάξτε όσα κρατά η εφαρμογή για εσάς',
    logIn: 'Σύνδεση',
    logOut: 'Αποσύνδεση',
    failed: 'Η σελίδα δεν μπόρεσε να ξεκινήσει. Φορτώστε την ξανά.',
  },
  ar: {
    title: 'تفضيلاتك',
    language: 'لغة هذه الصفحة',
    welcome: 'اطّلع على ما يحفظه التطبيق عنك وغيّره',
    logIn: 'تسجيل الدخول',
    logOut: 'تسجيل الخروج',
    failed: 'تعذر بدء الصفحة. يرجى إعادة تحميلها.',
  },
};

/** The language that the user chose before, or the first of the browser's that the page has. */
export function getLanguage() {
  const wanted = [localStorage.getItem('language') ?? '', ...navigator.languages].map((tag) =>
    tag.slice(0, 2),
  );
  return wanted.find((language) => Object.hasOwn(TEXTS, language)) ?? 'en';
}

/** @param {string} language */
export function setLanguage(language) {
  const { documentElement: root } = document;
  const texts = TEXTS[language] ?? {};
  root.lang = language;
  root.dir = language === 'ar' ? 'rtl' : 'ltr';
  document.title = texts['title'] ?? '';
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = texts[element.getAttribute('data-text') ?? ''] ?? '';
  }
  localStorage.setItem('language', language);
}
