/** The guide for React Native compiles against the types of its SDK. Nothing runs it: that would need a device. */
import { expect, test } from '@jest/globals';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APP, run } from '../packages/app.ts';
import { writeGuide } from '../packages/guide.ts';

const FILE = 'use-metadata-client.tsx';

test('the guide for React Native compiles, and a wrong type in it does not', async () => {
  const folder = join(APP, 'react-native');
  cpSync(join(import.meta.dirname, 'react-native'), folder, { recursive: true });
  await run(folder, 'npm', { args: ['ci', '--prefer-offline'] });
  writeGuide('react-native', folder, {});
  const compilerOptions = {
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    jsx: 'react-jsx',
  };
  const compile = (file: string) => {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    const compiler = join(APP, 'node_modules', 'typescript', 'bin', 'tsc');
    return run(folder, process.execPath, { args: [compiler, '-p', folder] });
  };
  expect(await compile(FILE)).toBe('');
  const wrong = `import { useMetadataClient } from './use-metadata-client';
    import { useAuth0 } from 'react-native-auth0';
    export const useWrong = () => [
      useMetadataClient().patch({ theme: 'pink' }), useAuth0().getCredentials(1),
    ];`;
  writeFileSync(join(folder, 'wrong.ts'), wrong);
  await expect(compile('wrong.ts')).rejects.toThrow(/TS2322[\s\S]*TS2345/);
});
