/**
 * The vendors, as data. Their order is the order of preference when an agent's model is left open (`auto`).
 * Base URLs and environment names follow the vendors' documentation (`docs`) and https://models.dev (MIT).
 */

import type { TokenPrices } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import { z } from 'zod';
import { clouds } from './catalog/clouds.ts';
import { gateways } from './catalog/gateways.ts';
import { hosts } from './catalog/hosts.ts';
import { labs } from './catalog/labs.ts';
import { own } from './catalog/own.ts';
import { Vendor } from './catalog/vendor.ts';
import type { Endpoint, WireName } from './provider.ts';

export type { Vendor } from './catalog/vendor.ts';

export const vendors: readonly Vendor[] = z
  .array(Vendor)
  .parse([...labs, ...hosts, ...gateways, ...clouds, ...own]);

const byId = new Map(vendors.map((vendor) => [vendor.id, vendor]));

/** The vendor of that id, or undefined. */
export function findVendor(id: string): Vendor | undefined {
  return byId.get(id);
}

/** Every environment variable that may hold a key, or a part of a vendor's address. */
export const vendorVariables: readonly string[] = [
  ...new Set(
    vendors.flatMap(({ env, parameters }) => [
      ...env,
      ...Object.values(parameters).flatMap((parameter) => parameter.env),
    ]),
  ),
];

/**
 * The vendor's key and parameters as the environment has them.
 *
 * @param variables variable → value
 * @returns null when there is no key, or a parameter without a default is missing
 */
export function fromEnvironment(
  vendor: Vendor,
  variables: Readonly<Record<string, string>>,
): { apiKey: string; parameters: Record<string, string> } | null {
  const first = (names: readonly string[]) => names.map((name) => variables[name]).find(Boolean);
  const apiKey = first(vendor.env);
  if (apiKey === undefined) return null;
  const parameters: Record<string, string> = {};
  for (const [name, parameter] of Object.entries(vendor.parameters)) {
    const value = first(parameter.env);
    if (value !== undefined) parameters[name] = value;
  }
  return problemOfParameters(vendor, parameters) === null ? { apiKey, parameters } : null;
}

/** So that no value changes the host that a key is sent to. */
const parameterPattern = /^[A-Za-z0-9-]+$/;

/** The wires that the vendor speaks, the usual one first. The parameter `wire` chooses among them. */
export function wiresOf({ wire, otherWires }: Vendor): WireName[] {
  return [wire, ...otherWires.map((other) => other.wire)];
}

/**
 * What is wrong with a vendor's parameters, for people, and which one it is about; null when nothing is.
 *
 * @param addressed the address is given, so nothing is missing
 */
export function problemOfParameters(
  vendor: Vendor,
  parameters: Readonly<Record<string, string>>,
  addressed = false,
): { name: string; message: string } | null {
  const wires = wiresOf(vendor);
  const known = [...Object.keys(vendor.parameters), ...(wires.length > 1 ? ['wire'] : [])];
  for (const [name, value] of Object.entries(parameters)) {
    if (!known.includes(name))
      return {
        name,
        message: `${vendor.name} has no such parameter. It has: ${known.join(', ') || 'none'}.`,
      };
    if (name === 'wire' && !wires.some((wire) => wire === value))
      return { name, message: `must be one of ${wires.join(', ')}` };
    if (!parameterPattern.test(value)) return { name, message: 'must be letters, digits and dashes' };
  }
  for (const [name, { label, example, default: preset }] of Object.entries(vendor.parameters)) {
    if (!addressed && parameters[name] === undefined && preset === undefined)
      return { name, message: `is required for ${vendor.name}: ${label}, e.g. ${example}` };
  }
  return null;
}

export interface EndpointOptions {
  apiKey: string | null;
  /** Replaces the vendor's own: a proxy, or the address of a custom endpoint. */
  baseUrl?: string | null;
  /** Fill the placeholders of the vendor's own; `wire` chooses another wire. */
  parameters?: Readonly<Record<string, string>>;
  /** Another name than the vendor's: a custom endpoint's. */
  provider?: string;
  prices?: TokenPrices | null;
}

/**
 * Where a vendor's call goes.
 * @throws {Error} when there is no base URL, or a parameter is missing or wrong
 */
export function endpointOf(vendor: Vendor, options: EndpointOptions): Endpoint {
  const { apiKey, parameters = {}, prices } = options;
  const problem = problemOfParameters(vendor, parameters, Boolean(options.baseUrl));
  if (problem) throw new Error(`"${vendor.id}": ${problem.name} ${problem.message}`);
  const other = vendor.otherWires.find(({ wire }) => wire === parameters.wire);
  const wire = other?.wire ?? vendor.wire;
  const template = other?.baseUrl ?? vendor.baseUrl ?? (wire === 'demo' ? '' : null);
  const baseUrl = options.baseUrl ?? (template === null ? null : fill(vendor, template, parameters));
  if (baseUrl === null) throw new Error(`"${vendor.id}" needs a base URL.`);
  const { modelsUrl } = vendor;
  return {
    provider: options.provider ?? vendor.id,
    wire,
    baseUrl: trimEndOf(baseUrl, '/'),
    apiKey,
    compat: other?.compat ?? vendor.compat,
    ...(modelsUrl !== undefined && !options.baseUrl ? { modelsUrl } : {}),
    ...(vendor.googleTokens ? { googleTokens: true } : {}),
    ...(prices ? { prices } : {}),
  };
}

function fill(vendor: Vendor, template: string, parameters: Readonly<Record<string, string>>): string {
  return template.replace(/\{([a-z]+)(-?)\}/g, (_, name: string, dash: string) => {
    const value = parameters[name] ?? vendor.parameters[name]!.default!;
    if (dash === '') return value;
    return value === 'global' ? '' : `${value}-`;
  });
}

export interface ModelRef {
  provider: string;
  /** The vendor's own id. It may hold slashes. */
  model: string;
}

/**
 * Splits `provider/model`, at the first slash.
 * @throws {Error} with a message for people when it is not of that form.
 */
export function parseModelRef(ref: string): ModelRef {
  const slash = ref.indexOf('/');
  const provider = ref.slice(0, slash);
  const model = ref.slice(slash + 1);
  if (slash < 1 || model === '' || /\s/.test(ref)) {
    throw new Error(`"${ref}" is not a model: write provider/model, for example openai/gpt-5.4.`);
  }
  return { provider, model };
}
