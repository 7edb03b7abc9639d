/** Ranges that regulators keep for films and examples: nobody is called by them. `n` stands for digits that are free. */
const RANGES = [
  // NANPA: 555-0100 to 555-0199 of every area code.
  ...['202', '212', '303', '312', '404', '415', '503', '512', '602', '617', '713', '808'].map((area) => `+1${area}55501nn`),
  '+447700900nnn', // Ofcom, mobile
  '+441632960nnn', // Ofcom, no area
  '+3363998nnnn', // Arcep, mobile
  '+3319900nnnn', // Arcep, Paris
  '+4917139200nn', // Bundesnetzagentur, mobile
  '+493023125nnn', // Bundesnetzagentur, Berlin
  '+3532091nnnnn', // ComReg
];

/** The number of this place among those of a range, so that two places never lead to one number. */
const numberIn = (range: string, place: number): string | null => {
  const free = range.length - range.indexOf('n');
  const digits = String(place).padStart(free, '0');
  return digits.length > free ? null : range.slice(0, -free) + digits;
};

/** Numbers of all ranges in turn, each once. */
export function* phones(): Generator<string, void> {
  for (let place = 0; ; place++) {
    const found = RANGES.flatMap((range) => numberIn(range, place) ?? []);
    if (found.length === 0) return;
    yield* found;
  }
}
