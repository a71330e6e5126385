/** What the documentation says about the environment variables: a table, and `.env.example`. */
import { VARIABLES, type Variable } from '../config/variables.ts';

/** The table of all variables (Markdown). */
export function getConfigurationTable(): string {
  const rows = Object.entries<Variable<unknown>>(VARIABLES).map(([name, variable]) => {
    const { description, default: value, required, secret } = variable;
    const shown = value ? `\`${value}\`` : required ? 'required' : '';
    const names = secret ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``;
    return `| ${names} | ${shown} | ${description.replaceAll('|', '\\|')} |`;
  });
  return `${['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')}\n`;
}

/** The text of `.env.example`: every variable with its meaning, commented out unless it has a default. */
export function getEnvExample(): string {
  const entries = Object.entries<Variable<unknown>>(VARIABLES).map(([name, variable]) => {
    const { description, default: value, required, secret } = variable;
    const notes = [
      ...(required ? ['Required.'] : []),
      ...(value ? [`Default: ${value}.`] : []),
      ...(secret ? [`Secret: may be given as ${name}_FILE, the path of a file, instead.`] : []),
    ];
    const line = value ? `${name}=${value}` : `# ${name}=`;
    return [`# ${description}`, ...notes.map((note) => `# ${note}`), line].join('\n');
  });
  return `${entries.join('\n\n')}\n`;
}
