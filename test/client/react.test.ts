/** The client in the current React. */
import { installDom, testReact } from './react-cases.ts';

installDom();
const [react, dom, server, metadata] = await Promise.all([
  import('react'),
  import('react-dom/client'),
  import('react-dom/server'),
  import('../../packages/client/src/react.ts'),
]);

testReact('19', { react, dom, server, metadata });
