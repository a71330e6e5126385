/** The text of `.env.example`: every variable with what it means, commented out unless it has a default. */
import { VARIABLES, type Variable } from './schema.ts';

export function envExample(): string {
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
