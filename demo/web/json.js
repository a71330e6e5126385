// @ts-check

/** @typedef {import('@metadata-bff/form').Json} Json */
/** @typedef {import('@metadata-bff/form').JsonObject} JsonObject */

/** @param {unknown} value @returns {value is JsonObject} */
export function isJsonObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own member `key`, never an inherited one. @param {JsonObject} object @param {string} key @returns {Json | undefined} */
export function getMember(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
