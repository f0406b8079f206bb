#include "simulator/scene.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "simulator/scenario.h"

enum { SCENE_SIZE_MAX = 1 << 20 };

/* Cuts the comment and the white space around. */
static char *trim(char *line)
{
    for (char *letter = line; *letter != '\0'; letter++) {
        bool begins_comment =
            *letter == '#' && (letter == line || isspace((unsigned char)letter[-1]));
        if (begins_comment) {
            *letter = '\0';
            break;
        }
    }
    while (isspace((unsigned char)*line)) {
        line++;
    }
    size_t length = strlen(line);
    while (length > 0 && isspace((unsigned char)line[length - 1])) {
        line[--length] = '\0';
    }
    return line;
}

/* "personality = on" or "off", with or without blanks around the sign. */
static bool parse_personality(const char *line, struct scene *scene)
{
    char value[8] = "";
    int end = 0;
    if (sscanf(line, "personality = %7s%n", value, &end) != 1 || line[end] != '\0') {
        return false;
    }
    bool is_off = strcmp(value, "off") == 0;
    scene->has_personalities = !is_off;
    return is_off || strcmp(value, "on") == 0;
}

static void parse_line(const char *path, unsigned number, const char *line,
                       struct faults *faults, struct scene *scene, struct problems *problems)
{
    struct fault_error error;
    if (strncmp(line, "personality", strlen("personality")) == 0) {
        if (!parse_personality(line, scene)) {
            problems_add(problems, path, number, "personality", "\"%.60s\"; accepted: on, off",
                         line);
        }
    } else if (scenario_add(faults, line, 0, &error) == 0) {
        problems_add(problems, path, number, "fault", "%s", error.text);
    }
}

void scene_parse(const char *path, const char *text, size_t length, struct faults *faults,
                 struct scene *scene, struct problems *problems)
{
    char *copy = memory_allocate(length + 1, 1);
    memcpy(copy, text, length);
    scene->has_personalities = true;
    unsigned number = 0;
    char *rest = copy;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        char *trimmed = trim(line);
        number++;
        if (trimmed[0] != '\0') {
            parse_line(path, number, trimmed, faults, scene, problems);
        }
    }
    free(copy);
}

void scene_load(const char *path, struct faults *faults, struct scene *scene,
                struct problems *problems)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        problems_add(problems, path, 0, NULL, "cannot be read: %s", strerrordesc_np(errno));
        return;
    }
    char *text = memory_allocate(SCENE_SIZE_MAX, 1);
    size_t length = fread(text, 1, SCENE_SIZE_MAX, file);
    bool is_whole = ferror(file) == 0 && length < SCENE_SIZE_MAX;
    (void)fclose(file);
    if (is_whole) {
        scene_parse(path, text, length, faults, scene, problems);
    } else {
        problems_add(problems, path, 0, NULL, "cannot be read whole; at most 1 MiB");
    }
    free(text);
}
