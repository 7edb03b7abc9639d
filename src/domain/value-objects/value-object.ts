import { OwnError } from '../own-error.ts';

/** A string that only its own constructor function makes, so that an unchecked one does not compile in its place. */
export type Branded<Name extends string> = string & { readonly __brand: Name };

/** A value that breaks its own rule. `code` is the field error's code; `detail` never holds the value. */
export class InvalidValue extends OwnError {
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail);
    this.name = 'InvalidValue';
    this.code = code;
  }
}
