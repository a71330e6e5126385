/** The types of the elements in JSX of React 19, and of React 18 from `@types/react` 18.3: `import '@metadata-bff/form/react'`. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react';
import type { UserMetadataDetail, UserMetadataForm } from './user-metadata-form.ts';

/** Attributes, properties and events of `<user-metadata-form>`. */
export type UserMetadataFormProps = DetailedHTMLProps<HTMLAttributes<UserMetadataForm>, UserMetadataForm> &
  SettableProps & {
    readonly name?: string;
    readonly 'hide-actions'?: boolean;
    readonly 'onuser-metadata-submit'?: (event: CustomEvent<UserMetadataDetail>) => void;
    readonly 'onuser-metadata-change'?: (event: CustomEvent<UserMetadataDetail>) => void;
  };

interface SettableProps {
  readonly schema?: object | boolean | undefined;
  readonly policy?: object | undefined;
  readonly value?: object;
  readonly errors?: UserMetadataForm['errors'];
  readonly messages?: UserMetadataForm['messages'];
  readonly disabled?: boolean;
  readonly busy?: boolean;
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'user-metadata-form': UserMetadataFormProps;
    }
  }
}
