// Secrets as they are kept at rest: argon2id (RFC 9106) in its usual text form, $argon2id$v=19$m=…$salt$hash.
//
// Each call takes about 20 ms and 19 MiB: never on an event loop.
#pragma once

#include <string>
#include <string_view>

namespace wellhead::security {

// With a salt of its own. Error{internal} when there is no memory for it.
std::string argon2id(std::string_view secret);
// false also for a text that is no hash of argon2id.
bool argon2id_matches(const std::string& hash, std::string_view secret);

}  // namespace wellhead::security
