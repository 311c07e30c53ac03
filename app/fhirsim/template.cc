#include "app/fhirsim/template.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

// No slot renders longer than this: a UUID, an instant, a name.
constexpr std::size_t kSlotBound = 64;

constexpr std::array<std::pair<std::string_view, Slot>, 16> kSlots = {{{"id", Slot::id},
                                                                       {"patient", Slot::patient},
                                                                       {"encounter", Slot::encounter},
                                                                       {"effective", Slot::effective},
                                                                       {"issued", Slot::issued},
                                                                       {"last_updated", Slot::last_updated},
                                                                       {"number", Slot::number},
                                                                       {"digits", Slot::digits},
                                                                       {"family", Slot::family},
                                                                       {"male", Slot::male},
                                                                       {"female", Slot::female},
                                                                       {"street", Slot::street},
                                                                       {"birth_date", Slot::birth_date},
                                                                       {"deceased", Slot::deceased},
                                                                       {"postal_code", Slot::postal_code},
                                                                       {"old_postal_code", Slot::old_postal_code}}};

[[noreturn]] void broken(std::string_view what) {
  throw meta::Error(meta::ErrorCode::internal, "template of fhirsim: " + std::string(what));
}

std::string_view next_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::int64_t next_number(std::string_view& text) {
  const auto word = next_word(text);
  std::int64_t number = 0;
  if (word.empty()) return 0;
  if (std::from_chars(word.data(), word.data() + word.size(), number).ec != std::errc()) broken(word);
  return number;
}

Piece parse_slot(std::string_view text) {
  const auto name = next_word(text);
  const auto found = std::ranges::find(kSlots, name, [](const auto& entry) { return entry.first; });
  if (found == kSlots.end()) broken(name);
  Piece piece{.slot = found->second};
  piece.a = next_number(text);
  piece.b = next_number(text);
  piece.c = next_number(text);
  return piece;
}

}  // namespace

Template::Template(std::string_view json) {
  const auto add = [this](Piece piece, std::string_view literal) {
    piece.begin = static_cast<std::uint32_t>(text_.size());
    piece.length = static_cast<std::uint32_t>(literal.size());
    text_ += literal;
    bound_ += literal.size() + kSlotBound;
    pieces_.push_back(piece);
  };
  for (auto open = json.find("{{"); open != std::string_view::npos; open = json.find("{{")) {
    const auto close = json.find("}}", open);
    if (close == std::string_view::npos) broken("a slot without end");
    const Piece piece = parse_slot(json.substr(open + 2, close - open - 2));
    const bool bare = piece.slot == Slot::number && json[open - 1] == '"' && json[close + 2] == '"';
    add(piece, json.substr(0, open - (bare ? 1 : 0)));
    json.remove_prefix(close + 2 + (bare ? 1 : 0));
  }
  add(Piece{}, json);
}

bool Template::has(Slot slot) const {
  return std::ranges::any_of(pieces_, [slot](const Piece& piece) { return piece.slot == slot; });
}

TemplateSet::TemplateSet(std::string_view ndjson) {
  simdjson::dom::parser parser;
  std::vector<std::int64_t> weights;
  std::int64_t largest = 1;
  for (std::size_t begin = 0; begin < ndjson.size();) {
    const auto end = std::min(ndjson.find('\n', begin), ndjson.size());
    const auto line = ndjson.substr(begin, end - begin);
    std::int64_t weight = 0;
    if (parser.parse(line)["weight"].get(weight) != simdjson::SUCCESS) broken("a line without weight");
    constexpr std::string_view mark = "\"resource\":";
    const auto resource = line.find(mark) + mark.size();
    templates_.emplace_back(line.substr(resource, line.size() - resource - 1));
    weights.push_back(weight);
    largest = std::max(largest, weight);
    begin = end + 1;
  }
  if (templates_.size() > std::numeric_limits<std::uint8_t>::max()) broken("too many");
  // A table for drawing in one step; small enough to stay in the first-level cache.
  for (std::size_t index = 0; index < templates_.size(); ++index) {
    const auto times = std::max<std::int64_t>(1, weights[index] * 1000 / largest);
    places_.insert(places_.end(), static_cast<std::size_t>(times), static_cast<std::uint8_t>(index));
  }
}

}  // namespace wellhead::fhirsim
