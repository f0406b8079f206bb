#include "gateway/handshake.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
    pthread_mutex_t mutex;
    char alert[64]; /* "write:fatal:certificate expired" */
    char text[96];  /* OpenSSL's own, the first error */
    bool is_name_wrong;
    bool is_done;
} seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* What an alert means to a person; who is meant stands behind `before`. */
struct meaning {
    const char *alert;
    const char *before;
    const char *after;
    bool names_authorities; /* the CA file follows */
};
static const struct meaning meanings[] = {
    {"write:fatal:certificate expired", "the certificate of ", " has expired", false},
    {"write:fatal:unknown CA", "the certificate of ", " is not signed by an authority in ",
     true},
    {"write:fatal:bad certificate", "the certificate of ", " is not valid", false},
    {"read:fatal:certificate required", "", " wants a client certificate (cert_file, key_file)",
     false},
    /* Alert 116 of TLS 1.3, for which OpenSSL 3.0 has no name. */
    {"read:fatal:unknown", "", " wants a client certificate (cert_file, key_file)", false},
    {"read:fatal:unknown CA", "", " does not know the authority of our client certificate",
     false},
    {"read:fatal:certificate expired", "", " says that our client certificate has expired",
     false},
    {"write:fatal:wrong version number", "", " does not speak TLS", false},
};

void handshake_forget(void)
{
    (void)pthread_mutex_lock(&seen.mutex);
    seen.alert[0] = '\0';
    seen.text[0] = '\0';
    seen.is_name_wrong = false;
    seen.is_done = false;
    (void)pthread_mutex_unlock(&seen.mutex);
}

void handshake_note_trace(const char *line)
{
    static const char alert[] = "SSL alert ";
    const char *found = strstr(line, alert);
    (void)pthread_mutex_lock(&seen.mutex);
    if (found != NULL && strstr(found, ":fatal:") != NULL) {
        (void)snprintf(seen.alert, sizeof seen.alert, "%s", found + sizeof alert - 1);
    }
    if (strstr(line, "X509_check_host") != NULL && strstr(line, "failed") != NULL) {
        seen.is_name_wrong = true;
    } else if (strstr(line, "X509_check_ip_asc is 1") != NULL) {
        seen.is_name_wrong = false; /* it bears the address instead of a name */
    } else if (strstr(line, "SSL handshake done") != NULL) {
        seen.is_done = true;
    }
    (void)pthread_mutex_unlock(&seen.mutex);
}

void handshake_note_error(const char *line, size_t length)
{
    const char *end = line + length;
    const char *reason = line;
    for (unsigned colons = 0; colons < 5 && reason != NULL; colons++) {
        reason = memchr(reason, ':', (size_t)(end - reason));
        reason = reason != NULL ? reason + 1 : NULL;
    }
    if (reason == NULL) {
        return;
    }
    const char *colon = memchr(reason, ':', (size_t)(end - reason));
    int reason_length = (int)((colon != NULL ? colon : end) - reason);
    (void)pthread_mutex_lock(&seen.mutex);
    if (seen.text[0] == '\0') {
        (void)snprintf(seen.text, sizeof seen.text, "%.*s", reason_length, reason);
    }
    (void)pthread_mutex_unlock(&seen.mutex);
}

static const struct meaning *find_meaning(void)
{
    for (size_t at = 0; at < sizeof meanings / sizeof *meanings; at++) {
        if (strcmp(seen.alert, meanings[at].alert) == 0) {
            return &meanings[at];
        }
    }
    return NULL;
}

/* With the lock held. */
static bool explain(const char *place, const char *host, const char *ca_file, char *sentence,
                    size_t size)
{
    const struct meaning *meaning = find_meaning();
    if (meaning != NULL) {
        const char *authorities = ca_file[0] != '\0' ? ca_file : "the system's list";
        (void)snprintf(sentence, size, "%s%s%s%s", meaning->before, place, meaning->after,
                       meaning->names_authorities ? authorities : "");
    } else if (seen.alert[0] != '\0' || seen.text[0] != '\0') {
        (void)snprintf(sentence, size, "TLS with %s failed: %s", place,
                       seen.alert[0] != '\0' ? seen.alert : seen.text);
    } else if (seen.is_name_wrong) {
        (void)snprintf(sentence, size, "the certificate of %s is for another host than %s",
                       place, host);
    } else if (seen.is_done) {
        /* Its alert is lost when our CONNECT meets the closed end. */
        (void)snprintf(sentence, size,
                       "%s hung up after the TLS handshake; "
                       "it may want a client certificate (cert_file, key_file)",
                       place);
    } else {
        return false;
    }
    return true;
}

bool handshake_explain(const char *place, const char *host, const char *ca_file, char *sentence,
                       size_t size)
{
    (void)pthread_mutex_lock(&seen.mutex);
    bool is_explained = explain(place, host, ca_file, sentence, size);
    (void)pthread_mutex_unlock(&seen.mutex);
    return is_explained;
}
