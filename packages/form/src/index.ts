/** The exports of `@metadata-bff/form`. */
export type { FieldError } from './field.ts';
export { applyMergePatch, createMergePatch, isSameJson } from './json.ts';
export type { Json, JsonObject } from './json.ts';
export type { MessageOverrides, Messages } from './messages.ts';
export { formatValue } from './messages.ts';
export { getFieldLabels } from './schema-to-fields.ts';
export { defineUserMetadataForm } from './user-metadata-form.ts';
export type { UserMetadataDetail, UserMetadataForm } from './user-metadata-form.ts';
