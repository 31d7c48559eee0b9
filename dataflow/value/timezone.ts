/**
 * Time zones: fixed offsets, abbreviations and the names of the IANA database.
 *
 * Named zones come from `Intl`, which knows them all but answers slowly. So a zone keeps, per year
 * that was asked for, the instants at which its offset changes: found once by asking at 26 points
 * and halving the gaps between unlike neighbours. Years that `Intl` cannot do or that come after
 * the last known rule use the year of the same shape in the 400-year cycle.
 *
 * Offsets are seconds east of Greenwich throughout.
 */
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { civilFromDays, daysFromCivil, microsecondsPerSecond, unixEpochDays } from './calendar.ts';

/** A zone: its offset at any instant. */
export interface Zone {
  readonly name: string;
  /** Offset in seconds at a second since 2000-01-01 00:00 UTC. */
  offsetAtSecond(second: number): number;
}

/** Offset in seconds at `microseconds` UTC. */
export function offsetAt(zone: Zone, microseconds: bigint): number {
  const rest = microseconds % microsecondsPerSecond;
  return zone.offsetAtSecond(
    Number(
      (rest < 0n ? microseconds - microsecondsPerSecond - rest : microseconds - rest) /
        microsecondsPerSecond,
    ),
  );
}

class FixedZone implements Zone {
  readonly name: string;
  readonly #offset: number;

  constructor(name: string, offset: number) {
    this.name = name;
    this.#offset = offset;
  }

  offsetAtSecond(): number {
    return this.#offset;
  }
}

/** Offsets of one year: `offsets[k]` holds from second `starts[k]` on. */
interface YearOffsets {
  readonly starts: readonly number[];
  readonly offsets: readonly number[];
}

const probesPerYear = 26;
const yearMin = 1800;
const yearCycleFrom = 2400;

class NamedZone implements Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #years = new Map<number, YearOffsets>();
  /** The span asked last, in seconds: most questions fall into it again. */
  #knownFrom = 0;
  #knownTo = 0;
  #known = 0;

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    this.name = this.#format.resolvedOptions().timeZone;
  }

  offsetAtSecond(second: number): number {
    if (second >= this.#knownFrom && second < this.#knownTo) return this.#known;
    const year = civilFromDays(Math.floor(second / 86_400)).year;
    const like = year < yearMin ? yearMin : year >= yearCycleFrom ? 2000 + (year % 400) : year;
    const shift =
      like === year ? 0 : (daysFromCivil(like, 1, 1) - daysFromCivil(year, 1, 1)) * 86_400;
    const { starts, offsets } = this.#year(like);
    let k = starts.length - 1;
    while (k > 0 && starts[k] > second + shift) k--;
    this.#knownFrom = Math.max(starts[k], daysFromCivil(like, 1, 1) * 86_400) - shift;
    this.#knownTo =
      (k + 1 < starts.length ? starts[k + 1] : daysFromCivil(like + 1, 1, 1) * 86_400) - shift;
    if (year < yearMin) this.#knownTo = this.#knownFrom;
    this.#known = offsets[k];
    return offsets[k];
  }

  #year(year: number): YearOffsets {
    const known = this.#years.get(year);
    if (known !== undefined) return known;
    if (this.#years.size >= limits.zoneYearsMax) this.#years.clear();
    const from = daysFromCivil(year, 1, 1) * 86_400;
    const to = daysFromCivil(year + 1, 1, 1) * 86_400;
    const starts = [from];
    const offsets = [this.#ask(from)];
    for (let p = 1; p <= probesPerYear; p++) {
      const left = from + Math.floor(((to - from) * (p - 1)) / probesPerYear);
      const right = from + Math.floor(((to - from) * p) / probesPerYear);
      if (this.#ask(right) === offsets[offsets.length - 1]) continue;
      const change = this.#change(left, right);
      if (change >= to) break;
      starts.push(change);
      offsets.push(this.#ask(change));
    }
    const found = { starts, offsets };
    this.#years.set(year, found);
    return found;
  }

  /** The first second in (left, right] with the offset of `right`. */
  #change(left: number, right: number): number {
    const target = this.#ask(right);
    let low = left;
    let high = right;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#ask(middle) === target) high = middle;
      else low = middle;
    }
    return high;
  }

  /** Offset at a second since 2000, from `Intl`: the end of `1/1/2000, GMT-04:56:02`. */
  #ask(second: number): number {
    const text = this.#format.format((second - unixEpochDays * 86_400) * 1000);
    const match = /GMT(?:([+-])(\d+):?(\d\d)?:?(\d\d)?)?$/.exec(text);
    const size =
      Number(match?.[2] ?? 0) * 3600 + Number(match?.[3] ?? 0) * 60 + Number(match?.[4] ?? 0);
    return match?.[1] === '-' ? -size : size;
  }
}

/** Hours east and the abbreviations that mean them: those that Postgres knows by default. */
const abbreviationsByHours: readonly (readonly [number, string])[] = [
  [-11, 'nut'],
  [-10, 'ckt hst taht'],
  [-9.5, 'mart'],
  [-9, 'akst gamt'],
  [-8, 'akdt pst'],
  [-7, 'mst pdt'],
  [-6, 'cst galt mdt'],
  [-5, 'act cdt cot easst east est pet'],
  [-4, 'amt ast bot edt gyt vet'],
  [-3.5, 'nft nst'],
  [-3, 'adt arst art bra brt clst clt fkst fkt gft pmst pyst pyt uyt wgt'],
  [-2.5, 'ndt'],
  [-2, 'brst fnt pmdt uyst wgst'],
  [-1, 'azot egt fnst'],
  [0, 'azost egst gmt uct ut utc wet z zulu'],
  [1, 'bst cet met mez wat wetdst'],
  [2, 'bdst cest cetdst eet ist mest mesz metdst sast'],
  [3, 'eat eest eetdst fet idt msk volt'],
  [3.5, 'irt'],
  [4, 'amst azst azt gest get msd mut ret sct'],
  [4.5, 'aft'],
  [5, 'mawt must mvt pkt tft tjt tmt uzt yekt'],
  [5.5, 'lkt'],
  [5.75, 'npt'],
  [6, 'almt bdt btt iot kgst kgt omsst omst pkst uzst xjt yekst'],
  [6.5, 'mmt'],
  [7, 'almst cxt davt ict krast krat novst novt wast'],
  [8, 'awst bnt bort cct hkt irkst irkt myt pht sgt ulat wadt'],
  [8.75, 'acwst'],
  [9, 'awsst jayt jst kst pwt ulast wdt yakst yakt'],
  [9.5, 'acst cast'],
  [10, 'aest chut ddut kdt ligt mpt pgt trut vlast vlat yapt'],
  [10.5, 'acdt acsst cadt lhst sadt'],
  [11, 'aedt aesst kost lhdt magst magt pont vut'],
  [12, 'anast anat fjt gilt mht nzst nzt petst pett tvt wakt wft'],
  [12.75, 'chast'],
  [13, 'fjst nzdt tkt tot'],
  [13.75, 'chadt'],
  [14, 'lint'],
];

const abbreviations = new Map(
  abbreviationsByHours.flatMap(([hours, names]) =>
    names.split(' ').map((name) => [name, hours] as const),
  ),
);

/** Offset in seconds of an abbreviation such as EST, or undefined. */
export function abbreviationOffset(name: string): number | undefined {
  const hours = abbreviations.get(name.toLowerCase());
  return hours === undefined ? undefined : hours * 3600;
}

const zones = new Map<string, Zone | null>();

/** Coordinated universal time. */
export const utc: Zone = new FixedZone('UTC', 0);

/** A zone by the name that the IANA database gives it, in any case, or undefined. */
export function namedZone(name: string): Zone | undefined {
  const key = name.toLowerCase();
  if (key === 'utc' || key === 'gmt') return utc;
  const known = zones.get(key);
  if (known !== undefined) return known ?? undefined;
  if (zones.size >= limits.zonesMax) zones.clear();
  const zone = makeZone(name);
  zones.set(key, zone);
  return zone ?? undefined;
}

function makeZone(name: string): Zone | null {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return null;
  try {
    return new NamedZone(name);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** A zone with one offset, in seconds east. */
export function fixedZone(offset: number): Zone {
  return offset === 0 ? utc : new FixedZone(offsetText(offset), offset);
}

const posixShape = /^(?:<[A-Za-z0-9+:-]+>|[A-Za-z]{3,})?([+-]?)(\d{1,3})(?::(\d\d))?(?::(\d\d))?$/;

/** A zone by its name in the database or in POSIX form, or undefined. */
export function fullZone(name: string): Zone | undefined {
  const zone = namedZone(name);
  if (zone !== undefined) return zone;
  const match = posixShape.exec(name);
  if (match === null || Number(match[2]) > 167) return undefined;
  const size = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
  return fixedZone(match[1] === '-' ? size : -size);
}

/**
 * The zone that AT TIME ZONE and SET TimeZone mean: an abbreviation, a name, or an offset in POSIX
 * form, where a positive number lies *west* of Greenwich. 22023 if it is none.
 */
export function zoneByName(name: string): Zone {
  const offset = abbreviationOffset(name);
  if (offset !== undefined) return fixedZone(offset);
  const zone = fullZone(name);
  if (zone === undefined) throw sqlError('22023', `time zone "${name}" not recognized`);
  return zone;
}

/** Longer names are none. */
const zoneNameMax = 80;

/**
 * What a session is told its zone is called, for a text that SET TimeZone takes: a name, a zone in
 * POSIX form, or hours east of Greenwich. Undefined if it is none of them.
 */
export function sessionZoneName(text: string): string | undefined {
  if (text.length > zoneNameMax) return undefined;
  if (/^\s*[+-]?\d+(\.\d*)?\s*$/.test(text)) return offsetZoneName(Math.round(Number(text) * 3600));
  const zone = fullZone(text);
  if (zone === undefined) return undefined;
  if (zone.name.toLowerCase() === text.toLowerCase()) return zone.name;
  // Another name of the zone, which the database spells so.
  const isShouted = text === text.toUpperCase() || text === text.toLowerCase();
  return isShouted && text.includes('/') ? capitalised(text) : text;
}

/** The zone of an offset in seconds east, in POSIX form; undefined beyond a week. */
export function offsetZoneName(offset: number): string | undefined {
  if (Math.abs(offset) > 168 * 3600) return undefined;
  if (offset === 0) return 'UTC';
  return `<${offsetText(offset)}>${offsetText(-offset)}`;
}

/** `us/eastern` as `US/Eastern`, `america/port_of_spain` as `America/Port_of_Spain`. */
function capitalised(name: string): string {
  return name
    .toLowerCase()
    .replace(/[a-z]+/g, (word) =>
      word === 'us' || word === 'gmt' || word === 'utc'
        ? word.toUpperCase()
        : word === 'of' || word === 'es' || word === 'au'
          ? word
          : word.charAt(0).toUpperCase() + word.slice(1),
    );
}

/** An offset as it is printed behind a time: `+02`, `-03:30`, `+00:19:32`. */
export function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const two = (n: number): string => String(n).padStart(2, '0');
  let text = (offset < 0 ? '-' : '+') + two(Math.floor(size / 3600));
  if (size % 3600 !== 0) text += `:${two(Math.floor((size % 3600) / 60))}`;
  if (size % 60 !== 0) text += `:${two(size % 60)}`;
  return text;
}

const dayMicroseconds = 86_400_000_000n;

/** The local time (µs as if it were UTC) of an instant. */
export function toLocal(zone: Zone, microseconds: bigint): bigint {
  return microseconds + BigInt(offsetAt(zone, microseconds)) * microsecondsPerSecond;
}

/**
 * The offset that holds at a local time. A time that a change skips is read with the offset before
 * the change, a time that comes twice with the one after it, as Postgres does.
 */
export function localOffset(zone: Zone, local: bigint): number {
  const before = offsetAt(zone, local - dayMicroseconds);
  const after = offsetAt(zone, local + dayMicroseconds);
  if (before === after) {
    const guess = offsetAt(zone, local - BigInt(before) * microsecondsPerSecond);
    if (guess === before) return before;
  }
  const afterHolds = offsetAt(zone, local - BigInt(after) * microsecondsPerSecond) === after;
  return afterHolds ? after : before;
}

/** The instant of a local time. */
export function toInstant(zone: Zone, local: bigint): bigint {
  return local - BigInt(localOffset(zone, local)) * microsecondsPerSecond;
}
