/**
 * Our own typed syntax tree: what `parse` gives and everything behind it reads. Nothing but the
 * converter sees the tree of the grammar library.
 *
 * Names are already folded (unquoted ones to lower case). `position` is 1-based, in code points of
 * the whole text sent by the client, as the wire protocol's field P; every node that an error can
 * name has one. Numbers stay text, so no digit is lost.
 */

export type Position = number;

/** A possibly qualified name: `[schema, name]`, at most [database, schema, name]. */
export interface QualifiedName {
  readonly parts: readonly string[];
  readonly position: Position;
}

/** A type as written: `numeric(10,2)`, `pg_catalog.int4`, `text[]`. */
export interface TypeReference {
  readonly name: QualifiedName;
  /** Modifiers in parentheses, e.g. precision and scale. */
  readonly modifiers: readonly number[];
  readonly array: boolean;
  /** `interval day to second` and the like: the fields' text, else ''. */
  readonly fields: string;
  readonly position: Position;
}

// ---- Expressions ------------------------------------------------------------------------------

export type Expression =
  | { readonly kind: 'null' | 'star'; readonly position: Position }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly position: Position }
  /** An integer or decimal literal, its digits as written (sign not included). */
  | { readonly kind: 'number'; readonly text: string; readonly position: Position }
  | { readonly kind: 'string'; readonly value: string; readonly position: Position }
  | { readonly kind: 'parameter'; readonly number: number; readonly position: Position }
  /** `a`, `t.a`, `s.t.a`; a last part of '*' is `t.*`. */
  | { readonly kind: 'column'; readonly name: QualifiedName; readonly position: Position }
  | {
      readonly kind: 'unary';
      readonly operator: string;
      readonly operand: Expression;
      readonly position: Position;
    }
  /**
   * Any infix operator by its spelling, LIKE family included as `~~`, `!~~`, `~~*`, `!~~*`;
   * position is the operator's.
   */
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly position: Position;
    }
  | {
      readonly kind: 'and' | 'or';
      readonly operands: readonly Expression[];
      readonly position: Position;
    }
  | { readonly kind: 'not'; readonly operand: Expression; readonly position: Position }
  | {
      readonly kind: 'isNull';
      readonly operand: Expression;
      readonly negated: boolean;
      readonly position: Position;
    }
  /** IS [NOT] TRUE / FALSE / UNKNOWN. */
  | {
      readonly kind: 'isBoolean';
      readonly operand: Expression;
      readonly test: 'true' | 'false' | 'unknown';
      readonly negated: boolean;
      readonly position: Position;
    }
  | {
      readonly kind: 'isDistinct';
      readonly left: Expression;
      readonly right: Expression;
      readonly negated: boolean;
      readonly position: Position;
    }
  | {
      readonly kind: 'between';
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly negated: boolean;
      readonly symmetric: boolean;
      readonly position: Position;
    }
  | {
      readonly kind: 'in';
      readonly operand: Expression;
      readonly list: readonly Expression[];
      readonly negated: boolean;
      readonly position: Position;
    }
  /** `x = ANY (array)`, `x <> ALL (array)`. */
  | {
      readonly kind: 'quantified';
      readonly operand: Expression;
      readonly operator: string;
      readonly all: boolean;
      readonly array: Expression;
      readonly position: Position;
    }
  /** LIKE … ESCAPE e arrives as binary `~~` with right = call like_escape(pattern, e). */
  | {
      readonly kind: 'case';
      readonly operand: Expression | null;
      readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
      readonly otherwise: Expression | null;
      readonly position: Position;
    }
  | {
      readonly kind: 'cast';
      readonly operand: Expression;
      readonly type: TypeReference;
      readonly position: Position;
    }
  | {
      readonly kind: 'coalesce' | 'greatest' | 'least';
      readonly operands: readonly Expression[];
      readonly position: Position;
    }
  | {
      readonly kind: 'nullif';
      readonly left: Expression;
      readonly right: Expression;
      readonly position: Position;
    }
  | FunctionCall
  | {
      readonly kind: 'array';
      readonly elements: readonly Expression[];
      readonly position: Position;
    }
  | { readonly kind: 'row'; readonly elements: readonly Expression[]; readonly position: Position }
  | {
      readonly kind: 'subscript';
      readonly operand: Expression;
      readonly subscripts: readonly {
        readonly lower: Expression | null;
        readonly upper: Expression | null;
        readonly slice: boolean;
      }[];
      readonly position: Position;
    }
  /** `(composite).field`. */
  | {
      readonly kind: 'field';
      readonly operand: Expression;
      readonly field: string;
      readonly position: Position;
    }
  | {
      readonly kind: 'collate';
      readonly operand: Expression;
      readonly collation: QualifiedName;
      readonly position: Position;
    }
  /** current_date, current_timestamp, current_user, …: keywords that act as functions. */
  | {
      readonly kind: 'keywordFunction';
      readonly name: string;
      readonly precision: number | null;
      readonly position: Position;
    }
  /** A subquery in an expression. `operand` is a row or scalar for in, any, all. */
  | {
      readonly kind: 'subquery';
      readonly form: 'scalar' | 'exists' | 'array';
      readonly query: Query;
      readonly position: Position;
    }
  | {
      readonly kind: 'subqueryComparison';
      readonly form: 'any' | 'all';
      readonly operator: string;
      readonly negated: boolean;
      readonly operand: Expression;
      readonly query: Query;
      readonly position: Position;
    }
  | { readonly kind: 'default'; readonly position: Position };

export interface FunctionCall {
  readonly kind: 'call';
  readonly name: QualifiedName;
  readonly args: readonly Expression[];
  /** f(*). */
  readonly star: boolean;
  readonly distinct: boolean;
  readonly variadic: boolean;
  readonly order: readonly OrderItem[];
  readonly filter: Expression | null;
  readonly over: WindowSpec | null;
  readonly withinGroup: boolean;
  /**
   * Set where the grammar has special spelling: 'extract' (EXTRACT(f FROM x): args are the field
   * as string and x), 'trim', 'substring', 'position', 'overlay', 'atTimeZone' (args zone, value).
   * Names are then those of the functions Postgres calls: extract, btrim, ltrim, rtrim, substring,
   * position, overlay, timezone.
   */
  readonly syntax: '' | 'extract' | 'trim' | 'substring' | 'position' | 'overlay' | 'atTimeZone';
  readonly position: Position;
}

/** Windows are parsed so that they can be refused by name. */
export interface WindowSpec {
  readonly name: string;
  readonly partition: readonly Expression[];
  readonly order: readonly OrderItem[];
  readonly position: Position;
}

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
  /** As written, or by default: last for ascending, first for descending. */
  readonly nullsFirst: boolean;
  readonly position: Position;
}

// ---- Queries ----------------------------------------------------------------------------------

export interface Query {
  readonly kind: 'query';
  readonly with: readonly CommonTable[];
  readonly body: QueryBody;
  readonly order: readonly OrderItem[];
  readonly limit: Expression | null;
  readonly offset: Expression | null;
  readonly position: Position;
}

export interface CommonTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly query: Query;
  readonly recursive: boolean;
  readonly position: Position;
}

/** Kinds of literal in `LiteralRows`. */
export const literalKinds = {
  null: 1,
  true: 2,
  false: 3,
  default: 4,
  /** Decimal digits, perhaps with a point and an exponent. */
  number: 5,
  /** A minus, then the same. */
  negative: 6,
  /** '…' without a quote inside. */
  string: 7,
  /** '…' with doubled quotes inside. */
  quotedString: 8,
} as const;

export type LiteralKind = (typeof literalKinds)[keyof typeof literalKinds];

/**
 * VALUES of an INSERT whose many rows, all as long as the first, are plain literals: flat columns
 * over the text instead of trees. Literal `row * width + column` has a kind and lies from `starts`
 * to `ends` in UTF-16 units of `text`, sign and quotes included.
 */
export interface LiteralRows {
  readonly kind: 'literals';
  readonly text: string;
  readonly rows: number;
  readonly width: number;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** A literal as a tree. */
  expression(cell: number): Expression;
  /** All of it as a tree. */
  query(): Query;
}

export type QueryBody =
  | Select
  | {
      readonly kind: 'values';
      readonly rows: readonly (readonly Expression[])[];
      readonly position: Position;
    }
  | {
      readonly kind: 'setOperation';
      readonly operation: 'union' | 'intersect' | 'except';
      readonly all: boolean;
      readonly left: Query;
      readonly right: Query;
      readonly position: Position;
    };

export interface Select {
  readonly kind: 'select';
  /** [] is plain DISTINCT, null none. */
  readonly distinct: readonly Expression[] | null;
  readonly items: readonly SelectItem[];
  readonly from: readonly FromItem[];
  readonly where: Expression | null;
  readonly groupBy: readonly Expression[];
  /** GROUPING SETS, ROLLUP, CUBE seen: refused by name by the binder. */
  readonly groupingSets: boolean;
  readonly having: Expression | null;
  readonly position: Position;
}

export interface SelectItem {
  /** kind 'star' or a column ending in '*' is expanded. */
  readonly expression: Expression;
  readonly alias: string | null;
  readonly position: Position;
}

export type FromItem =
  | {
      readonly kind: 'table';
      readonly name: QualifiedName;
      readonly alias: Alias | null;
      readonly position: Position;
    }
  | {
      readonly kind: 'derived';
      readonly query: Query;
      readonly lateral: boolean;
      readonly alias: Alias | null;
      readonly position: Position;
    }
  | {
      readonly kind: 'function';
      readonly calls: readonly FunctionCall[];
      readonly lateral: boolean;
      readonly ordinality: boolean;
      readonly alias: Alias | null;
      readonly position: Position;
    }
  | {
      readonly kind: 'join';
      readonly type: 'inner' | 'left' | 'right' | 'full' | 'cross';
      readonly natural: boolean;
      readonly left: FromItem;
      readonly right: FromItem;
      readonly on: Expression | null;
      readonly using: readonly string[] | null;
      readonly alias: Alias | null;
      readonly position: Position;
    };

export interface Alias {
  readonly name: string;
  readonly columns: readonly string[];
}

// ---- Statements -------------------------------------------------------------------------------

export interface ColumnDefinition {
  readonly name: string;
  readonly type: TypeReference;
  readonly notNull: boolean;
  readonly default: Expression | null;
  /** The default as written. */
  readonly defaultText: string | null;
  readonly primaryKey: boolean;
  readonly position: Position;
}

/** PRIMARY KEY of a table, in the order of its columns. */
export interface PrimaryKey {
  /** The name given by CONSTRAINT; null for the default one. */
  readonly name: string | null;
  readonly columns: readonly string[];
  readonly position: Position;
}

/** `NAME [=] value` in parentheses or WITH (…): value as written. */
export interface Option {
  /** Upper-case words joined by one blank: 'START OFFSET'. */
  readonly name: string;
  readonly value: OptionValue;
  readonly position: Position;
}

export type OptionValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'string' | 'identifier' | 'number'; readonly text: string }
  /** `SECRET name`. */
  | { readonly kind: 'secret'; readonly name: QualifiedName }
  | { readonly kind: 'list'; readonly items: readonly OptionValue[] };

/** FORMAT clause. */
export interface Format {
  readonly name: 'TEXT' | 'BYTES' | 'JSON' | 'AVRO' | 'CSV' | 'PROTOBUF';
  readonly options: readonly Option[];
  readonly position: Position;
}

/** One INCLUDE item: KEY, PARTITION, OFFSET, TIMESTAMP, HEADERS, HEADER 'k'. */
export interface Include {
  readonly item: 'KEY' | 'PARTITION' | 'OFFSET' | 'TIMESTAMP' | 'HEADERS' | 'HEADER' | 'TOPIC';
  /** HEADER's key. */
  readonly header: string | null;
  readonly bytes: boolean;
  readonly alias: string | null;
  readonly position: Position;
}

export type ObjectKind =
  'schema' | 'secret' | 'connection' | 'source' | 'table' | 'view' | 'materialized view' | 'index';

export type Statement = { readonly position: Position } & (
  | { readonly kind: 'select'; readonly query: Query }
  | { readonly kind: 'createSchema'; readonly name: QualifiedName; readonly ifNotExists: boolean }
  | {
      readonly kind: 'createConnection';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      readonly type: string;
      readonly options: readonly Option[];
      readonly with: readonly Option[];
    }
  | {
      readonly kind: 'createSecret';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      /** Never shown to anybody. */ readonly value: string;
    }
  | {
      readonly kind: 'alterSecret';
      readonly name: QualifiedName;
      readonly ifExists: boolean;
      /** Never shown to anybody. */ readonly value: string;
    }
  | { readonly kind: 'validateConnection'; readonly name: QualifiedName }
  | {
      readonly kind: 'createSource';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      readonly columns: readonly ColumnDefinition[];
      /** 'KAFKA', 'LOAD GENERATOR', 'WEBHOOK', …: others than KAFKA are refused by name. */
      readonly connector: string;
      readonly connection: QualifiedName | null;
      readonly options: readonly Option[];
      readonly keyFormat: Format | null;
      readonly valueFormat: Format | null;
      readonly include: readonly Include[];
      readonly envelope: {
        readonly name: string;
        readonly options: readonly Option[];
        readonly position: Position;
      } | null;
      readonly with: readonly Option[];
    }
  /** Partitions of a source that have lost what comes next go on with what there is. */
  | { readonly kind: 'resumeSource'; readonly name: QualifiedName; readonly ifExists: boolean }
  /** A table that a source without format feeds. */
  | {
      readonly kind: 'createTableFrom';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      readonly columns: readonly ColumnDefinition[];
      readonly source: QualifiedName;
      readonly options: readonly Option[];
      readonly keyFormat: Format | null;
      readonly valueFormat: Format | null;
      readonly include: readonly Include[];
      readonly envelope: {
        readonly name: string;
        readonly options: readonly Option[];
        readonly position: Position;
      } | null;
      readonly with: readonly Option[];
    }
  | {
      readonly kind: 'createTable';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      readonly columns: readonly ColumnDefinition[];
      readonly primaryKey: PrimaryKey | null;
      readonly temporary: boolean;
    }
  | {
      readonly kind: 'createView';
      readonly name: QualifiedName;
      readonly ifNotExists: boolean;
      readonly orReplace: boolean;
      readonly materialized: boolean;
      readonly columns: readonly string[];
      readonly query: Query;
      /** The text of the query, for pg_get_viewdef. */ readonly queryText: string;
      readonly with: readonly Option[];
    }
  | {
      readonly kind: 'createIndex';
      readonly name: string | null;
      readonly ifNotExists: boolean;
      readonly isDefault: boolean;
      readonly on: QualifiedName;
      readonly keys: readonly Expression[];
      /** Columns of INCLUDE. */ readonly include: readonly string[];
      readonly method: string | null;
    }
  | {
      readonly kind: 'drop';
      readonly object: ObjectKind;
      readonly names: readonly QualifiedName[];
      readonly ifExists: boolean;
      readonly cascade: boolean;
    }
  | {
      readonly kind: 'insert';
      readonly table: QualifiedName;
      readonly columns: readonly { readonly name: string; readonly position: Position }[];
      readonly source: Query | LiteralRows | 'default values';
      readonly returning: readonly SelectItem[];
    }
  | {
      readonly kind: 'update';
      readonly table: QualifiedName;
      readonly alias: string | null;
      readonly set: readonly {
        readonly column: string;
        readonly value: Expression;
        readonly position: Position;
      }[];
      readonly from: readonly FromItem[];
      readonly where: Expression | null;
      readonly returning: readonly SelectItem[];
    }
  | {
      readonly kind: 'delete';
      readonly table: QualifiedName;
      readonly alias: string | null;
      readonly using: readonly FromItem[];
      readonly where: Expression | null;
      readonly returning: readonly SelectItem[];
    }
  | Subscribe
  | {
      readonly kind: 'explain';
      readonly what: 'plan' | 'optimized plan' | 'physical plan' | 'timestamp';
      readonly statement: Statement;
      readonly options: readonly Option[];
    }
  /** SHOW TABLES and the like; kind as written: 'TABLES', 'SOURCES', 'COLUMNS', 'CREATE VIEW', … */
  | {
      readonly kind: 'showObjects';
      readonly object: string;
      readonly name: QualifiedName | null;
      readonly like: string | null;
    }
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly local: boolean;
      /** null is DEFAULT. */ readonly value: readonly string[] | null;
    }
  | { readonly kind: 'show'; readonly name: string }
  | { readonly kind: 'reset'; /** null is RESET ALL. */ readonly name: string | null }
  | { readonly kind: 'begin'; readonly isolation: string | null; readonly readOnly: boolean | null }
  | { readonly kind: 'commit' | 'rollback' }
  /** SET TRANSACTION, or with `session` SET SESSION CHARACTERISTICS AS TRANSACTION. */
  | {
      readonly kind: 'setTransaction';
      readonly session: boolean;
      readonly isolation: string | null;
      readonly readOnly: boolean | null;
    }
  | {
      readonly kind: 'prepare';
      readonly name: string;
      readonly types: readonly TypeReference[];
      readonly statement: Statement;
    }
  | { readonly kind: 'execute'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'deallocate'; /** null is ALL. */ readonly name: string | null }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'discard'; readonly what: 'all' | 'plans' | 'temp' | 'sequences' }
  | {
      readonly kind: 'declare';
      readonly name: string;
      readonly statement:
        { readonly kind: 'select'; readonly query: Query; readonly position: Position } | Subscribe;
      readonly binary: boolean;
      readonly hold: boolean;
    }
  | {
      readonly kind: 'fetch';
      readonly name: string;
      /** null is ALL. */ readonly count: number | null;
      readonly timeoutMilliseconds: number | null;
      /** MOVE: the rows are passed over, not given. */
      readonly move?: true;
    }
  | { readonly kind: 'close'; /** null is ALL. */ readonly name: string | null }
  | {
      readonly kind: 'copyFrom';
      readonly table: QualifiedName;
      readonly columns: readonly string[];
      readonly options: CopyOptions;
    }
  | {
      readonly kind: 'copyTo';
      readonly source:
        { readonly kind: 'select'; readonly query: Query; readonly position: Position } | Subscribe;
      readonly options: CopyOptions;
    }
);

export interface Subscribe {
  readonly kind: 'subscribe';
  /** A bare object is a query `TABLE object`. */
  readonly query: Query;
  readonly snapshot: boolean;
  readonly progress: boolean;
  readonly asOf: Expression | null;
  readonly asOfAtLeast: boolean;
  readonly upTo: Expression | null;
  readonly position: Position;
}

export interface CopyOptions {
  readonly format: 'text' | 'csv' | 'binary';
  readonly delimiter: string | null;
  readonly null: string | null;
  readonly header: boolean;
  readonly quote: string | null;
  readonly escape: string | null;
}
