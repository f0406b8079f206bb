#include "simulator/diary.h"

void diary_write(struct diary *diary, const struct diary_entry *entry)
{
    diary->entries[diary->count % DIARY_SIZE] = *entry;
    diary->count++;
}

const struct diary_entry *diary_read(const struct diary *diary, size_t age)
{
    bool is_kept = age < diary->count && age < DIARY_SIZE;
    return is_kept ? &diary->entries[(diary->count - 1 - age) % DIARY_SIZE] : NULL;
}

void diary_hide(struct diary *diary, unsigned id, bool is_hidden)
{
    for (size_t i = 0; i < DIARY_SIZE; i++) {
        if (id == 0 || diary->entries[i].id == id) {
            diary->entries[i].is_hidden = is_hidden;
        }
    }
}
