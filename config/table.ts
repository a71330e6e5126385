/** The table of all variables, as the documentation shows it (Markdown). */
import { VARIABLES, type Variable } from './schema.ts';

export function configurationTable(): string {
  const rows = Object.entries<Variable<unknown>>(VARIABLES).map(([name, variable]) => {
    const { description, default: value, required, secret } = variable;
    const shown = value ? `\`${value}\`` : required ? 'required' : '';
    const names = secret ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``;
    return `| ${names} | ${shown} | ${description.replaceAll('|', '\\|')} |`;
  });
  return `${['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')}\n`;
}
