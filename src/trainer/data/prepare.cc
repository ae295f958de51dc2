#include "trainer/data/prepare.h"

#include <cmath>
#include <memory>
#include <system_error>

#include "parallel/thread_pool.h"
#include "tokenizer/pre_patterns.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"
#include "trainer/data/bpe_trainer.h"
#include "trainer/data/chat_tokens.h"
#include "trainer/data/prepared_set.h"
#include "trainer/data/token_shard.h"
#include "trainer/data/vocabulary.h"
#include "weights/atomic_file.h"

namespace holdfast::trainer {
namespace {

// Word counts are scaled by how often a set is seen, in steps of a quarter epoch.
constexpr double kCountsPerEpoch = 4;
constexpr std::int64_t kDocumentsPerTask = 64;

Result<void> MakeFolder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Fail(ErrorCode::kIo, "{}: {}", path.string(), error.message());
  return {};
}

class Preparation {
 public:
  Preparation(const PrepareOptions& options, PrepareConfig config)
      : options_(options),
        config_(std::move(config)),
        dedup_(config_.dedup),
        pool_(options.thread_count) {}

  Result<json::Object> Run() {
    TRY(MakeFolder(options_.out / "tokenizer"));
    TRY(MakeFolder(options_.out / "shards"));
    TRY(LoadSets());
    TRY(MakeTokenizer());
    json::Array entries;
    for (PreparedSet& set : sets_) {
      TRY(WriteShards(set));
      entries.push_back(std::move(set.manifest));
    }
    json::Object manifest{
        {"format", 1},
        {"vocab_size", tokenizer_->vocab_size()},
        {"heldout_share", config_.heldout_share},
        {"near_duplicates", json::Object{{"method", "MinHash over word shingles"},
                                         {"shingle_words", config_.dedup.shingle_words},
                                         {"bands", config_.dedup.band_count},
                                         {"rows_per_band", config_.dedup.rows_per_band},
                                         {"jaccard_min", config_.dedup.jaccard_min}}},
        {"sets", std::move(entries)}};
    TRY(weights::WriteWholeFile(options_.out / "manifest.json", json::Write(manifest)));
    return manifest;
  }

 private:
  void Tell(const std::string& line) const {
    if (options_.progress) options_.progress(line);
  }

  Result<void> LoadSets() {
    for (const SourceConfig& source : config_.sources) {
      if (source.pretrain_epochs == 0 && source.finetune_epochs == 0) continue;
      if (options_.is_finetune_only && source.finetune_epochs == 0) continue;
      TRY_ASSIGN(PreparedSet set, LoadSource(source, options_.corpora, config_, dedup_));
      Tell(fmt::format("{}: {} documents for training, {} held out", set.name, set.train.size(),
                       set.heldout.size()));
      sets_.push_back(std::move(set));
    }
    for (const TemplatesConfig& templates : config_.templates) {
      TRY_ASSIGN(PreparedSet set, LoadTemplates(templates, options_.config.parent_path(), config_));
      Tell(fmt::format("{}: {} chats for training, {} held out", set.name, set.train.size(),
                       set.heldout.size()));
      sets_.push_back(std::move(set));
    }
    if (sets_.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: no source is used in any stage",
                  options_.config.string());
    }
    return {};
  }

  Result<void> MakeTokenizer() {
    std::string tokenizer_json;
    std::string tokenizer_config_json;
    if (!options_.tokenizer.empty()) {
      TRY_ASSIGN(tokenizer_json, ReadPlainFile(options_.tokenizer / "tokenizer.json"));
      TRY_ASSIGN(tokenizer_config_json,
                 ReadPlainFile(options_.tokenizer / "tokenizer_config.json"));
    } else {
      TRY_ASSIGN(const WordCounts words, CountWords());
      Tell(fmt::format("vocabulary: {} distinct words", words.size()));
      TRY_ASSIGN(
          const BpeMerges merges,
          TrainBpe(words, {.merge_count_max = config_.vocab_size - kSpecialTokenCount - 256}));
      TRY_ASSIGN(TokenizerFiles files, MakeTokenizerFiles(merges, config_.model_max_length));
      tokenizer_json = std::move(files.tokenizer_json);
      tokenizer_config_json = std::move(files.tokenizer_config_json);
    }
    TRY(weights::WriteWholeFile(options_.out / "tokenizer" / "tokenizer.json", tokenizer_json));
    TRY(weights::WriteWholeFile(options_.out / "tokenizer" / "tokenizer_config.json",
                                tokenizer_config_json));
    TRY_ASSIGN(tokenizer::Spec spec,
               tokenizer::SpecFromHuggingFace(tokenizer_json, tokenizer_config_json));
    TRY_ASSIGN(tokenizer_, tokenizer::Tokenizer::Make(std::move(spec)));
    for (std::int32_t id = 0; id <= kAssistantId; ++id) {
      const std::string& text = SpecialTokens()[static_cast<std::size_t>(id)];
      if (tokenizer_->FindSpecial(text) != id) {
        return Fail(ErrorCode::kInvalidArgument, "the tokenizer does not have {} as token {}", text,
                    id);
      }
    }
    for (std::size_t id = 0; id < tokenizer_->vocab_size(); ++id) {
      const auto token = static_cast<std::int32_t>(id);
      const std::size_t bytes =
          tokenizer_->IsSpecial(token) ? 0 : tokenizer_->TokenBytes(token).size();
      token_text_bytes_.push_back(static_cast<std::uint8_t>(std::min<std::size_t>(bytes, 255)));
    }
    Tell(fmt::format("vocabulary: {} tokens", tokenizer_->vocab_size()));
    return {};
  }

  Result<WordCounts> CountWords() {
    TRY_ASSIGN(const std::vector<std::string> patterns, tokenizer::NamedPrePatterns("deepseek-v3"));
    TRY_ASSIGN(const tokenizer::PreTokenizer splitter, tokenizer::PreTokenizer::Make(patterns));
    std::vector<WordCounts> counts(static_cast<std::size_t>(pool_.worker_count()));
    std::vector<std::vector<std::string_view>> pieces(counts.size());
    for (const PreparedSet& set : sets_) {
      const auto weight = static_cast<std::int64_t>(
          std::lround(kCountsPerEpoch * (set.pretrain_epochs + set.finetune_epochs)));
      const auto size = static_cast<std::int64_t>(set.train.size());
      pool_.Run((size + kDocumentsPerTask - 1) / kDocumentsPerTask,
                [&](std::int64_t task, int worker) {
                  WordCounts& words = counts[static_cast<std::size_t>(worker)];
                  auto& split = pieces[static_cast<std::size_t>(worker)];
                  const std::int64_t end = std::min(size, (task + 1) * kDocumentsPerTask);
                  for (std::int64_t i = task * kDocumentsPerTask; i < end; ++i) {
                    const Document& document = set.train[static_cast<std::size_t>(i)];
                    const auto count = [&](const std::string& text) {
                      splitter.Split(text, split);
                      for (const std::string_view word : split) {
                        const auto found = words.find(word);
                        if (found != words.end()) {
                          found->second += weight;
                        } else {
                          words.emplace(word, weight);
                        }
                      }
                    };
                    if (!document.IsChat()) count(document.text);
                    for (const auto& message : document.messages) count(message.content);
                  }
                });
      Tell(fmt::format("vocabulary: counted {}", set.name));
    }
    for (std::size_t i = 1; i < counts.size(); ++i) {
      for (const auto& [word, count] : counts[i]) counts[0][word] += count;
    }
    return std::move(counts[0]);
  }

  // Token and document counts of one shard, written if it has any document.
  Result<json::Object> WriteShard(const std::string& file, bool has_mask,
                                  const std::vector<const Document*>& documents) {
    std::vector<MaskedTokens> rendered(documents.size());
    const auto size = static_cast<std::int64_t>(documents.size());
    pool_.Run((size + kDocumentsPerTask - 1) / kDocumentsPerTask, [&](std::int64_t task, int) {
      const std::int64_t end = std::min(size, (task + 1) * kDocumentsPerTask);
      for (std::int64_t i = task * kDocumentsPerTask; i < end; ++i) {
        const Document& document = *documents[static_cast<std::size_t>(i)];
        MaskedTokens& tokens = rendered[static_cast<std::size_t>(i)];
        if (document.IsChat()) {
          tokens = RenderTrainingChat(*tokenizer_, document.messages);
        } else {
          tokens.ids = RenderTrainingText(*tokenizer_, document.text);
        }
      }
    });
    TokenShardBuilder builder(token_text_bytes_, kPadId, has_mask);
    for (const MaskedTokens& tokens : rendered) {
      builder.Add(tokens.ids, has_mask ? std::span<const std::uint8_t>(tokens.mask)
                                       : std::span<const std::uint8_t>());
    }
    TRY(builder.Write(options_.out / "shards" / file));
    Tell(fmt::format("{}: {} tokens, {:.2f} bytes a token", file, builder.token_count(),
                     static_cast<double>(builder.target_text_bytes()) /
                         static_cast<double>(builder.token_count())));
    return json::Object{{"file", file},
                        {"documents", builder.document_count()},
                        {"tokens", builder.token_count()},
                        {"target_text_bytes", builder.target_text_bytes()}};
  }

  Result<void> WriteStage(PreparedSet& set, const std::string& stage, bool is_finetune) {
    json::Object told;
    for (const bool is_heldout : {false, true}) {
      std::vector<Document> cut;
      std::vector<const Document*> chosen;
      const std::vector<Document>& documents = is_heldout ? set.heldout : set.train;
      if (is_finetune) {
        for (const Document& document : documents) {
          if (Document part = CutForFinetune(document, set.rules); part.IsChat()) {
            cut.push_back(std::move(part));
          }
        }
      }
      for (const Document& document : is_finetune ? cut : documents) chosen.push_back(&document);
      if (chosen.empty()) continue;
      const std::string file =
          fmt::format("{}.{}{}.tokens", set.name, stage, is_heldout ? "-heldout" : "");
      TRY_ASSIGN(json::Object shard, WriteShard(file, is_finetune, chosen));
      told[is_heldout ? "heldout" : "train"] = std::move(shard);
    }
    told["epochs"] = is_finetune ? set.finetune_epochs : set.pretrain_epochs;
    set.manifest[stage] = std::move(told);
    return {};
  }

  Result<void> WriteShards(PreparedSet& set) {
    if (set.pretrain_epochs > 0 && !options_.is_finetune_only) {
      TRY(WriteStage(set, "pretrain", false));
    }
    if (set.finetune_epochs > 0) TRY(WriteStage(set, "finetune", true));
    return {};
  }

  const PrepareOptions& options_;
  PrepareConfig config_;
  Deduplicator dedup_;
  parallel::ThreadPool pool_;
  std::vector<PreparedSet> sets_;
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  std::vector<std::uint8_t> token_text_bytes_;
};

}  // namespace

Result<json::Object> PrepareData(const PrepareOptions& options) {
  TRY_ASSIGN(const std::string text,
             ReadPlainFile(options.config, {.plain_bytes_max = std::size_t{4} << 20}));
  TRY_ASSIGN(PrepareConfig config, ParsePrepareConfig(text, options.config.string()));
  if (options.is_finetune_only && options.tokenizer.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "only the fine-tuning shards: a tokenizer folder must be given");
  }
  Preparation preparation(options, std::move(config));
  return preparation.Run();
}

}  // namespace holdfast::trainer
