import { type Kysely, sql } from 'kysely';

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // The words that names are found by, fed from the log as user_search is. name: all of them, each after a space. user_search
  // stays for releases that know no other.
  await sql`create table user_words (
    word text collate "C" not null,
    user_id uuid not null,
    name text collate "C" not null,
    primary key (word, user_id)
  )`.execute(db);
  await sql`insert into checkpoints values ('words', 0)`.execute(db);
  await findUsersV1.execute(db);
  await writeWordsV1.execute(db);
  await rebuildV2.execute(db);
};

/**
 * Who is found: by an email address, a phone number or an id that begins so, or by a name in which each of the words begins
 * one. Of several words the first is looked up, so it should be one that few have.
 *
 * user_search is looked into as long as it is ahead of user_words; that one, where it is as little
 * behind as a feed may be under load: before, it holds names that somebody no longer has.
 */
const findUsersV1 = sql`
create function find_users_v1(words text[], email text, phone text, first_id uuid, last_id uuid, old_term text) returns uuid[]
language plpgsql stable
set jit = off
-- Whatever the planner believes about the size of a table, none is gone through.
set enable_seqscan = off
as $$
declare
  last constant text := chr(1114111);
  ahead bigint;
  ids uuid[];
begin
  select s.position - w.position into strict ahead from checkpoints s, checkpoints w where s.name = 'search' and w.name = 'words';

  ids := array(
    select u.user_id from users u where u.email_key >= email and u.email_key < email || last
    union select u.user_id from users u where u.phone_key >= phone and u.phone_key < phone || last
    union select u.user_id from users u where u.user_id >= first_id and u.user_id <= last_id
  );
  if ahead <= 4000 then
    ids := ids || array(
      select w.user_id from user_words w
      where w.word >= words[1] and w.word < words[1] || last
        and (cardinality(words) = 1 or not exists (select from unnest(words) o(word) where strpos(w.name, ' ' || o.word) = 0))
    );
  end if;
  if ahead > 0 then
    ids := ids || array(select s.user_id from user_search s where s.term >= old_term and s.term < old_term || last);
  end if;
  return ids;
end
$$`;

/** The words of users: each has these, and those no longer. */
const writeWordsV1 = sql`
create function write_words_v1(given json) returns void
language plpgsql
set jit = off
set enable_seqscan = off
as $$
declare
  gone record;
begin
  -- One by one, which leaves the planner no choice: of a join that was planned while the table was empty, each look reads all of it.
  for gone in
    select g.user_id, o.word from json_to_recordset(given) as g(user_id uuid, outdated_words text[]), unnest(g.outdated_words) as o(word)
  loop
    delete from user_words w where w.word = gone.word and w.user_id = gone.user_id;
  end loop;
  insert into user_words (word, user_id, name)
  select c.word, g.user_id, ' ' || array_to_string(g.words, ' ')
  from json_to_recordset(given) as g(user_id uuid, words text[]), unnest(g.words) as c(word)
  order by c.word, g.user_id
  on conflict (word, user_id) do update set name = excluded.name where user_words.name <> excluded.name;
end
$$`;

/**
 * As rebuild_v1, which takes the head row, and then the words of those whose history is still the one that was folded. The
 * table of earlier releases is left to them.
 */
const rebuildV2 = sql`
create function rebuild_v2(folded json) returns setof uuid
language plpgsql
as $$
begin
  return query select r from rebuild_v1(folded) r;
  perform write_words_v1(json_agg(f)) from json_array_elements(folded) f
  where (f->>'version')::integer = coalesce((select max(e.version) from events e where e.stream = 'user-' || (f->>'user_id')), 0);
end
$$`;

export const down = async (db: Kysely<unknown>): Promise<void> => {
  await sql`drop function find_users_v1(text[], text, text, uuid, uuid, text), rebuild_v2(json), write_words_v1(json)`.execute(db);
  await sql`delete from checkpoints where name = 'words'`.execute(db);
  await sql`drop table user_words`.execute(db);
};
