#include "library/storage/blob/object_store.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/storage/blob/key.h"
#include "library/storage/blob/signature.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5'000};
// A check is made by somebody who waits.
constexpr milliseconds kCheckLimit{5'000};

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

// How often a call has been tried, and whether it may be once more.
class ObjectStore::Attempts {
 public:
  Attempts(ObjectStore& store, const Call& call) : store_(store), what_(call.what), limit_(call.limit) {}

  // Waits before the next one; false: the time is over.
  // `why` is logged once.
  bool again(const Refusal& why) {
    auto limit = std::min(limit_, why.limit);
    if (!store_.answered_) limit = std::min(limit, store_.settings_.first_patience);
    thread_local std::minstd_rand random{std::random_device()()};
    const auto pause = std::uniform_int_distribution<milliseconds::rep>(pause_.count() / 2, pause_.count())(random);
    pause_ = std::min(2 * pause_, kLongestPause);
    if (store_.patience_.hurried()) return false;
    if (!std::exchange(told_, true)) {
      spdlog::warn("{}", store_.without_secrets(fmt::format("blob store {}: {} failed, trying again: {}", store_.name(),
                                                            what_, why.text)));
    }
    return store_.patience_.sleep(milliseconds(pause), since_, limit);
  }

  void made_progress() {
    since_ = Clock::now();
    pause_ = kFirstPause;
  }

 private:
  ObjectStore& store_;
  const std::string what_;
  milliseconds limit_;
  bool told_ = false;
  Clock::time_point since_ = Clock::now();
  milliseconds pause_ = kFirstPause;
};

class ObjectStore::Writer final : public BlobWriter {
 public:
  Writer(ObjectStore& store, std::string_view prefix, std::string_view suffix, milliseconds limit)
      : store_(store), prefix_(prefix), suffix_(suffix), limit_(limit), spool_(store.settings_.spool_memory) {}

  void write(std::string_view bytes) override {
    digest_.update(bytes);
    spool_.write(bytes);
  }

  Written finish() override {
    const auto digest = digest_.finish();
    const auto key = make_key(prefix_, digest, suffix_);
    Content content{&spool_, 0, spool_.size(), digest, {}};
    if (store_.dialect_->wants_md5()) content.md5 = spool_.md5(0, spool_.size());
    store_.put(key, content, {"writing " + key.text, limit_});
    return {key, spool_.size()};
  }

 private:
  ObjectStore& store_;
  std::string prefix_, suffix_;
  milliseconds limit_;
  Spool spool_;
  meta::Sha256 digest_;
};

ObjectStore::ObjectStore(std::unique_ptr<ObjectDialect> dialect, ObjectStoreSettings settings)
    : settings_(std::move(settings)),
      dialect_(std::move(dialect)),
      patience_(settings_.patience),
      http_(settings_, patience_),
      conditional_(dialect_->conditional()) {}

std::unique_ptr<BlobWriter> ObjectStore::create(std::string_view prefix, std::string_view suffix) {
  return std::make_unique<Writer>(*this, prefix, suffix, milliseconds::max());
}

std::uint64_t ObjectStore::part_bytes_of(std::uint64_t size) const {
  return std::max(settings_.part_bytes, size / dialect_->most_parts() + 1);
}

void ObjectStore::put(const BlobKey& key, const Content& content, const Call& call) {
  if (content.length > settings_.part_bytes) {
    put_parts(key, content, call);
  } else {
    put_whole(key, content, call);
  }
}

void ObjectStore::put_whole(const BlobKey& key, const Content& content, const Call& call) {
  if (conditional_) {
    const auto sent =
        send(dialect_->put(key, content, true), call, {Meaning::exists, Meaning::changed, Meaning::not_implemented});
    if (sent.meaning == Meaning::good) return;
    if (sent.meaning == Meaning::not_implemented) {
      conditional_ = false;
    } else if (stored_whole(key, content, call)) {
      return;
    }
  }
  send(dialect_->put(key, content, false), call);
}

bool ObjectStore::stored_whole(const BlobKey& key, const Content& content, const Call& call) {
  const auto found = send(dialect_->head(key), call, {Meaning::no_blob, Meaning::no_bucket});
  return found.meaning == Meaning::good && dialect_->proves(found.answer, content, part_bytes_of(content.length));
}

UploadedPart ObjectStore::put_part(const BlobKey& key, const std::string& upload, int number, const Content& part,
                                   const Call& call) {
  const auto sent = send(dialect_->put_part(key, upload, number, part), call);
  return {sent.answer.header("etag"), part.sha256};
}

void ObjectStore::put_parts(const BlobKey& key, const Content& content, const Call& call) {
  if (stored_whole(key, content, call)) return;
  std::string body;
  if (const auto begin = dialect_->begin_parts(key)) body = send(*begin, call).answer.body;
  const auto upload = dialect_->upload_of(key, body);
  if (upload.empty()) {
    fail(call, {Meaning::failed, "the answer to the beginning of an upload in parts names none", {}}, false);
  }
  try {
    const auto step = part_bytes_of(content.length);
    std::vector<UploadedPart> parts;
    for (std::uint64_t at = 0; at < content.length; at += step) {
      Content part{content.spool, at, std::min(step, content.length - at), {}, {}};
      part.sha256 = part.spool->sha256(at, part.length);
      if (dialect_->wants_md5()) part.md5 = part.spool->md5(at, part.length);
      parts.push_back(put_part(key, upload, static_cast<int>(parts.size() + 1), part, call));
    }
    const auto done = send(dialect_->complete_parts(key, upload, parts, content), call, {Meaning::no_upload});
    // Its first answer may have been lost.
    if (done.meaning == Meaning::no_upload && !stored_whole(key, content, call)) fail(call, done.refusal, true);
  } catch (...) {
    if (const auto abort = dialect_->abort_parts(key, upload)) {
      ObjectAnswer ignored;
      http_.perform(*abort, ignored);
    }
    throw;
  }
}

void ObjectStore::read(const BlobKey& key, const std::function<void(std::string_view)>& receive) {
  check_key(key);
  const Call call{"reading " + key.text};
  Attempts attempts(*this, call);
  meta::Sha256 digest;
  std::uint64_t received = 0;
  std::string etag;
  while (true) {
    ObjectAnswer answer;
    const auto begun_at = received;
    std::optional<std::uint64_t> skip;  // a store that answers a range with the whole begins at the beginning
    bool repeat = false;
    const auto refusal = attempt(
        dialect_->get(key, received, std::nullopt, etag), answer,
        [&](std::string_view piece) {
          if (!skip) skip = answer.status == 206 ? 0 : begun_at;
          const auto passed = std::min<std::uint64_t>(*skip, piece.size());
          *skip -= passed;
          piece.remove_prefix(static_cast<std::size_t>(passed));
          if (piece.empty()) return;
          digest.update(piece);
          received += piece.size();
          receive(piece);
        },
        repeat);
    if (!refusal) break;
    if (refusal->meaning == Meaning::no_blob) fail_missing(*this, key);
    // It is shorter than it was: what is missing shows in the digest.
    if (refusal->meaning == Meaning::out_of_range) break;
    if (received > begun_at) attempts.made_progress();
    if (answer.good()) etag = answer.header("etag");
    // Written anew meanwhile, with the same content; if not, the digest tells.
    if (refusal->meaning == Meaning::changed) etag.clear();
    const bool again = repeat || refusal->meaning == Meaning::changed;
    if (!again || !attempts.again(*refusal)) fail(call, *refusal, again);
  }
  if (digest.finish() != digest_in(key)) fail_corrupt(*this, key, "its content does not match its name");
}

std::string ObjectStore::read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) {
  check_key(key);
  if (length == 0) return {};
  auto got =
      send(dialect_->get(key, offset, length, {}), {"reading " + key.text}, {Meaning::no_blob, Meaning::out_of_range});
  if (got.meaning == Meaning::no_blob) fail_missing(*this, key);
  if (got.meaning == Meaning::out_of_range) return {};
  auto& body = got.answer.body;
  if (got.answer.status == 206) return std::move(body);
  return offset < body.size() ? body.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(length)) : "";
}

std::uint64_t ObjectStore::size(const BlobKey& key) {
  check_key(key);
  const auto found = send(dialect_->head(key), {"looking at " + key.text}, {Meaning::no_blob});
  if (found.meaning == Meaning::no_blob) fail_missing(*this, key);
  return number(found.answer.header("content-length"));
}

void ObjectStore::remove(const BlobKey& key) { remove(key, {"removing " + key.text}); }

void ObjectStore::remove(const BlobKey& key, const Call& call) {
  check_key(key);
  // S3 answers the same whether there was one or not.
  const auto found = send(dialect_->head(key), call, {Meaning::no_blob});
  if (found.meaning == Meaning::no_blob) fail_missing(*this, key);
  send(dialect_->remove(key), call, {Meaning::no_blob});
}

void ObjectStore::list(std::string_view prefix, const std::function<void(const Listed&)>& receive) {
  const Call call{fmt::format("listing {}", prefix.empty() ? "all" : prefix)};
  std::string continuation;
  do {
    const auto sent = send(dialect_->list(prefix, continuation), call);
    const auto page = dialect_->read_list(sent.answer.body);
    if (!page) fail(call, {Meaning::no_store, "the answer is no list of objects", {}}, false);
    for (const auto& blob : page->blobs) receive(blob);
    continuation = page->next;
  } while (!continuation.empty());
}

void ObjectStore::check() {
  Writer writer(*this, "check", ".txt", kCheckLimit);
  writer.write(fmt::format("Wellhead could write here: {:016x}\n", std::random_device()()));
  const auto key = writer.finish().key;
  remove(key, {"removing " + key.text, kCheckLimit});
}

std::optional<Refusal> ObjectStore::attempt(const ObjectRequest& request, ObjectAnswer& answer,
                                            const std::function<void(std::string_view)>& receive, bool& repeat) {
  repeat = false;
  if (const auto failure = http_.perform(request, answer, receive)) {
    repeat = failure->repeat;
    return Refusal{Meaning::failed, failure->what, failure->advice};
  }
  // Some errors come with status 200, when the answer had begun before they happened.
  const bool error_in_body =
      answer.good() && request.method == "POST" && answer.body.find("<Error") != std::string::npos;
  if (answer.good() && !error_in_body && dialect_->genuine(answer)) {
    answered_ = true;
    return std::nullopt;
  }
  auto refusal = dialect_->refusal(request, answer);
  if (refusal.meaning != Meaning::no_store) answered_ = true;
  repeat = refusal.meaning == Meaning::busy;
  return refusal;
}

ObjectStore::Outcome ObjectStore::send(const ObjectRequest& request, const Call& call,
                                       std::initializer_list<Meaning> expected) {
  Attempts attempts(*this, call);
  bool bucket_made = false;
  while (true) {
    Outcome outcome;
    bool repeat = false;
    const auto refusal = attempt(request, outcome.answer, {}, repeat);
    if (!refusal) return outcome;
    outcome.meaning = refusal->meaning;
    outcome.refusal = *refusal;
    if (std::ranges::find(expected, refusal->meaning) != expected.end()) return outcome;
    if (refusal->meaning == Meaning::no_bucket && settings_.create_bucket && !bucket_made) {
      make_bucket(call);
      bucket_made = true;
    } else if (!repeat || !attempts.again(*refusal)) {
      fail(call, *refusal, repeat || refusal->meaning == Meaning::full);
    }
  }
}

// Another process may have been quicker, which the next attempt shows.
void ObjectStore::make_bucket(const Call& call) {
  ObjectAnswer answer;
  bool repeat = false;
  const auto refusal = attempt(dialect_->make_bucket(), answer, {}, repeat);
  if (refusal && refusal->meaning == Meaning::refused) {
    fail(call, {Meaning::refused, "the bucket is missing and cannot be made: " + refusal->text, refusal->advice},
         false);
  }
}

void ObjectStore::fail(const Call& call, const Refusal& refusal, bool retryable) const {
  Error error(ErrorCode::blob_store_failed,
              without_secrets(fmt::format("blob store {}: {} failed: {}", name(), call.what, refusal.text)),
              refusal.advice);
  if (!retryable) error.no_retry();
  throw error;
}

std::string ObjectStore::without_secrets(std::string text) const {
  for (const auto& secret : dialect_->secrets()) {
    if (secret.empty()) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
      text.replace(at, secret.size(), "…");
  }
  return text;
}

}  // namespace wellhead::storage
