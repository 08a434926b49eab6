import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { fromRoot, root } from './paths.mjs';

export const SCHEMA = fromRoot('prisma/schema.prisma');
export const MIGRATIONS = fromRoot('prisma/migrations');

/**
 * What is missing in a database compared to schema.prisma, by Prisma's own engine (its WebAssembly build, which needs
 * no download).
 *
 * @param {string} url connection string of a database that has all migrations
 * @param {string} [schema] path of the schema file
 * @returns {Promise<string>} SQL that leads from the database to the schema; empty when they agree
 */
export async function diffSchema(url, schema = SCHEMA) {
  const content = await readFile(schema, 'utf8');
  const files = [{ path: schema, content }];
  const engine = await startEngine(url, [[schema, content]]);
  try {
    const { stdout } = await engine.diff({
      // The database the adapter is connected to.
      from: { tag: 'schemaDatasource', files, configDir: root },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    const sql = stdout ?? '';
    return /^\s*(--.*\s*)*$/.test(sql) ? '' : sql;
  } finally {
    engine.free();
  }
}

async function startEngine(url, datamodels) {
  const engine = await loadEngine();
  const pool = new CatalogPool({ connectionString: url });
  const factory = bindMigrationAwareSqlAdapterFactory(
    new CatalogAdapter(pool, { disposeExternalPool: true }),
  );
  return await engine.SchemaEngine.new({ datamodels }, () => {}, factory);
}

let loading;

/** Once a process: the module keeps a view of its first instance's memory. */
function loadEngine() {
  loading ??= (async () => {
    // The engine calls this before it ends on an internal error, and would otherwise hide the reason.
    globalThis.PRISMA_WASM_PANIC_REGISTRY ??= { set_message: (message) => console.error(message) };
    // The package's own entry imports a .wasm file as a module, which Node does only behind a flag.
    const directory = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
    const engine = await import(join(directory, 'schema_engine_bg.js'));
    const { instance } = await WebAssembly.instantiate(
      await readFile(join(directory, 'schema_engine_bg.wasm')),
      {
        './schema_engine_bg.js': engine,
      },
    );
    engine.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return engine;
  })();
  return loading;
}

const CHAR = 18;
const TEXT = 25;

/** Rows of a result → which of its columns are of type "char". */
const charColumns = new WeakMap();

/**
 * Postgres' catalogue has columns of the one-byte type "char". The engine expects them as single characters, and the
 * adapter between them has no mapping for that type: it is told "text", and the engine is told "character".
 */
class CatalogAdapter extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const column of charColumns.get(result.rows) ?? []) {
        result.columnTypes[column] = ColumnTypeEnum.Character;
      }
      return result;
    };
    return adapter;
  }
}

class CatalogPool extends pg.Pool {
  async query(...args) {
    const result = await super.query(...args);
    const columns = result.fields.flatMap((field, index) => (field.dataTypeID === CHAR ? [index] : []));
    for (const column of columns) result.fields[column].dataTypeID = TEXT;
    charColumns.set(result.rows, columns);
    return result;
  }
}
