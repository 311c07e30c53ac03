#include "library/webserver/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <utility>

#include "library/meta/error.h"

namespace wellhead::webserver {
namespace {

constexpr int kGzipLevel = 4;
constexpr int kZstdLevel = 3;
constexpr std::size_t kStepBytes = 64 * 1024;

[[noreturn]] void fail(std::string_view library) {
  throw meta::Error(meta::ErrorCode::internal, std::string(library) + " refused to compress an answer");
}

class Encoder {
 public:
  virtual ~Encoder() = default;
  // All of `bytes`, flushed so that they can be decoded; with `end`, nothing may follow.
  virtual std::string encode(std::string_view bytes, bool end) = 0;
};

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() {
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("zlib");
  }
  ~GzipEncoder() override { deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  std::string encode(std::string_view bytes, bool end) override {
    std::string out;
    // zlib does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const std::size_t before = out.size();
      out.resize(before + kStepBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = kStepBytes;
      if (deflate(&stream_, end ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR) fail("zlib");
      out.resize(out.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return out;
  }

 private:
  z_stream stream_{};
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx()) {
    if (!context_) fail("zstd");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
  }

  std::string encode(std::string_view bytes, bool end) override {
    std::string out;
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (std::size_t left = 1; left != 0;) {
      const std::size_t before = out.size();
      out.resize(before + kStepBytes);
      ZSTD_outBuffer output{out.data() + before, kStepBytes, 0};
      left = ZSTD_compressStream2(context_.get(), &output, &input, end ? ZSTD_e_end : ZSTD_e_flush);
      if (ZSTD_isError(left) != 0) fail("zstd");
      out.resize(before + output.pos);
    }
    return out;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

std::unique_ptr<Encoder> make_encoder(Coding coding) {
  if (coding == Coding::gzip) return std::make_unique<GzipEncoder>();
  return std::make_unique<ZstdEncoder>();
}

class EncodedStream final : public BodyStream {
 public:
  EncodedStream(std::shared_ptr<BodyStream> plain, Coding coding)
      : plain_(std::move(plain)), encoder_(make_encoder(coding)) {}

  Task<std::optional<std::string>> next() override {
    if (ended_) co_return std::nullopt;
    std::optional<std::string> piece = co_await plain_->next();
    ended_ = !piece.has_value();
    co_return encoder_->encode(piece.value_or(std::string()), ended_);
  }
  std::vector<std::string> take_patients() override { return plain_->take_patients(); }

 private:
  std::shared_ptr<BodyStream> plain_;
  std::unique_ptr<Encoder> encoder_;
  bool ended_ = false;
};

}  // namespace

std::string_view to_string(Coding coding) {
  return coding == Coding::gzip ? "gzip" : coding == Coding::zstd ? "zstd" : "identity";
}

std::string encoded(std::string_view body, Coding coding) { return make_encoder(coding)->encode(body, true); }

std::shared_ptr<BodyStream> encoded(std::shared_ptr<BodyStream> stream, Coding coding) {
  return std::make_shared<EncodedStream>(std::move(stream), coding);
}

}  // namespace wellhead::webserver
