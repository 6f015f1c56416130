"""The statements of tags and further addresses in imports. Those with names in braces take SQL that the product wrote, never input."""

from __future__ import annotations

# The cells of a contact as the plan has them, by column.
CELLS = {
    "tags": """(select string_agg(g.tag, ', ' order by g.tag collate "C") from contact_tag g where g.contact_id = c.id)""",
    **{
        column: f"""(select string_agg(a.address, ', ' order by a.position, a.id) from contact_address a
            where a.contact_id = c.id and a.kind = '{kind}')"""  # noqa: S608 - the kinds are constants
        for column, kind in (
            ("further_phones", "phone"),
            ("further_landlines", "landline"),
            ("further_emails", "email"),
        )
    },
}

# What the import finds of them, kept for the way back: of whom it brings back always, for nothing from before stays.
BEFORE = """
    || case when :lists or s.change = {restored} then jsonb_build_object(
        'tags', (select coalesce(jsonb_agg(g.tag order by g.tag collate "C"), '[]') from contact_tag g where g.contact_id = c.id),
        'further_addresses', (
            select coalesce(jsonb_agg(a.address order by a.kind, a.position, a.id), '[]')
            from contact_address a where a.contact_id = c.id),
        'further', (
            select coalesce(jsonb_agg(to_jsonb(a) - 'id' - 'contact_id' order by a.id), '[]')
            from contact_address a where a.contact_id = c.id))
    else '{{}}'::jsonb end
"""

# What is there after it, beside what was found.
AFTER = """
    || case when r.before ? 'tags' then jsonb_build_object(
        'tags', (select coalesce(jsonb_agg(g.tag order by g.tag collate "C"), '[]') from contact_tag g where g.contact_id = c.id),
        'further_addresses', (
            select coalesce(jsonb_agg(a.address order by a.kind, a.position, a.id), '[]')
            from contact_address a where a.contact_id = c.id))
    else '{{}}'::jsonb end
"""

STAGE = """
    create temporary table import_lists (
        contact_id text primary key, restored boolean, tags text, further_phones text, further_landlines text, further_emails text
    ) on commit drop
"""

DROP_TAGS = """
    delete from contact_tag g using import_lists s join contact c on c.team_id = :team and c.contact_id = s.contact_id
    where g.contact_id = c.id and (s.restored or :stated) and g.tag <> all(coalesce(string_to_array(s.tags, ', '), '{}'))
"""

ADD_TAGS = """
    insert into contact_tag (contact_id, tag)
    select c.id, t.tag
    from import_lists s join contact c on c.team_id = :team and c.contact_id = s.contact_id
    cross join lateral unnest(string_to_array(s.tags, ', ')) t(tag)
    on conflict do nothing
"""

DROP_ADDRESSES = """
    delete from contact_address a using import_lists s join contact c on c.team_id = :team and c.contact_id = s.contact_id
    where a.contact_id = c.id and a.kind = :kind and (s.restored or :stated)
      and a.address <> all(coalesce(string_to_array(s.{column}, ', '), '{{}}'))
"""

# An address that is there already keeps its label, and where it came from.
ADD_ADDRESSES = """
    insert into contact_address (contact_id, kind, position, address, source)
    select c.id, :kind, t.place - 1, t.address, :source
    from import_lists s join contact c on c.team_id = :team and c.contact_id = s.contact_id
    cross join lateral unnest(string_to_array(s.{column}, ', ')) with ordinality t(address, place)
    on conflict (contact_id, kind, address) do update set position = excluded.position
"""

# Who was given back, with what was found of them; their version counts one up.
_GIVEN_BACK = """
    contact_import_row r join contact c on c.id = r.contact and c.version = r.version + 1
    where r.import_id = :import and r.change <> 0 and r.before ? 'tags'
"""

TAKE_TAGS_BACK = f"delete from contact_tag where contact_id in (select c.id from {_GIVEN_BACK})"  # noqa: S608
GIVE_TAGS_BACK = f"""
    insert into contact_tag (contact_id, tag)
    select b.id, t.tag from (select c.id, r.before -> 'tags' as tags from {_GIVEN_BACK}) b
    cross join lateral jsonb_array_elements_text(b.tags) t(tag)
"""  # noqa: S608
TAKE_ADDRESSES_BACK = f"delete from contact_address where contact_id in (select c.id from {_GIVEN_BACK})"  # noqa: S608
GIVE_ADDRESSES_BACK = f"""
    insert into contact_address (contact_id, kind, position, address, label, source)
    select b.id, a.kind, a.position, a.address, a.label, a.source
    from (select c.id, r.before -> 'further' as further from {_GIVEN_BACK}) b
    cross join lateral jsonb_to_recordset(b.further) a(kind text, position integer, address text, label text, source text)
"""  # noqa: S608
WAY_BACK = (TAKE_TAGS_BACK, GIVE_TAGS_BACK, TAKE_ADDRESSES_BACK, GIVE_ADDRESSES_BACK)
