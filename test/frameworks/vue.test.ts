/** The guide for Vue under vue-tsc, which needs TypeScript 5. It is built and driven with the other small guides. */
import { expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APP, run } from '../packages/app.ts';
import { writeGuide } from '../packages/guide.ts';

test('the guide for Vue compiles under vue-tsc, and a wrong type in a template does not', async () => {
  const folder = join(APP, 'vue');
  writeGuide('vue', folder, {});
  const compilerOptions = {
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
  const compile = () =>
    run(folder, process.execPath, {
      args: [join(APP, 'node_modules', 'vue-tsc', 'bin', 'vue-tsc.js'), '-p', folder],
    });
  expect(await compile()).toBe('');
  const wrong = `<script setup lang="ts">
    import { useMetadata } from './use-metadata.ts';
    const { patch } = useMetadata<{ theme?: 'dark' }>();
    </script>
    <template><button @click="patch({ theme: 'pink' })">Pink</button></template>`;
  writeFileSync(join(folder, 'Wrong.vue'), wrong);
  await expect(compile()).rejects.toThrow(/Wrong\.vue\(5,[\s\S]*TS2322/);
});
