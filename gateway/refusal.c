#include "gateway/refusal.h"

#include <stddef.h>

enum refusal refusal_of(uint8_t reason_code)
{
    static const struct {
        uint8_t reason_code;
        enum refusal refusal;
    } known[] = {
        {0x80, REFUSAL_UNSAID},   /* Unspecified error */
        {0x83, REFUSAL_UNSAID},   /* Implementation specific error */
        {0x87, REFUSAL_OF_TOPIC}, /* Not authorized */
        {0x90, REFUSAL_OF_TOPIC}, /* Topic Name invalid */
        {0x95, REFUSAL_OF_SIZE},  /* Packet too large */
        {0x97, REFUSAL_OF_ALL},   /* Quota exceeded */
    };
    for (size_t at = 0; at < sizeof known / sizeof *known; at++) {
        if (known[at].reason_code == reason_code) {
            return known[at].refusal;
        }
    }
    return REFUSAL_OF_SAMPLE;
}
