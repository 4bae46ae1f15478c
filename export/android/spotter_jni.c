/* export/runner/kws_spotter.h for kws.demo.Spotter in Java; see there for what each does. */
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "kws_spotter.h"

enum { CHUNK = 512, MOST = 8 };

#define METHOD(result, name) JNIEXPORT result JNICALL Java_kws_demo_Spotter_##name

static kws_spotter *spotter_of(jlong handle) { return (kws_spotter *)(intptr_t)handle; }

static void throw_new(JNIEnv *env, const char *class_name, const char *message) {
  const jclass thrown = (*env)->FindClass(env, class_name);
  if (thrown) (*env)->ThrowNew(env, thrown, message);
}

METHOD(jlong, create)(JNIEnv *env, jclass class, jbyteArray model, jstring tflite, jint threads) {
  (void)class;
  const char *library = (*env)->GetStringUTFChars(env, tflite, NULL);
  jbyte *bytes = library ? (*env)->GetByteArrayElements(env, model, NULL) : NULL;
  kws_spotter *spotter = NULL;
  if (bytes) {
    const kws_spotter_options options = {.tflite_library = library, .threads = threads};
    char message[256];
    spotter = kws_spotter_create(bytes, (size_t)(*env)->GetArrayLength(env, model), &options,
                                 message, sizeof message);
    (*env)->ReleaseByteArrayElements(env, model, bytes, JNI_ABORT);
    if (!spotter) throw_new(env, "java/io/IOException", message);
  }
  if (library) (*env)->ReleaseStringUTFChars(env, tflite, library);
  return (jlong)(intptr_t)spotter;
}

METHOD(void, destroy)(JNIEnv *env, jclass class, jlong handle) {
  (void)env, (void)class;
  kws_spotter_destroy(spotter_of(handle));
}

METHOD(jobjectArray, labels)(JNIEnv *env, jclass class, jlong handle) {
  (void)class;
  const int count = kws_spotter_labels(spotter_of(handle));
  const jclass string = (*env)->FindClass(env, "java/lang/String");
  const jobjectArray labels = string ? (*env)->NewObjectArray(env, count, string, NULL) : NULL;
  for (int k = 0; labels && k < count; k++) {
    const jstring label = (*env)->NewStringUTF(env, kws_spotter_label(spotter_of(handle), k));
    if (!label) return NULL;
    (*env)->SetObjectArrayElement(env, labels, k, label);
    (*env)->DeleteLocalRef(env, label);
  }
  return labels;
}

METHOD(jfloat, threshold)(JNIEnv *env, jclass class, jlong handle, jint label) {
  (void)env, (void)class;
  const kws_spotter *spotter = spotter_of(handle);
  return kws_spotter_is_keyword(spotter, label) ? kws_spotter_threshold(spotter, label) : -1.0f;
}

METHOD(void, setThreshold)(JNIEnv *env, jclass class, jlong handle, jfloat threshold) {
  (void)env, (void)class;
  kws_spotter *spotter = spotter_of(handle);
  for (int k = 0; k < kws_spotter_labels(spotter); k++)
    if (kws_spotter_is_keyword(spotter, k)) kws_spotter_set_threshold(spotter, k, threshold);
}

/* Feeds at most CHUNK samples; adds to the `found` detections, and returns how many there are then
 * (MOST at most), or -1 with an exception. */
static int feed_chunk(JNIEnv *env, kws_spotter *spotter, const jshort *integers, size_t count,
                      kws_detection *detections, int found) {
  float samples[CHUNK];
  for (size_t k = 0; k < count; k++) samples[k] = (float)integers[k] / 32768.0f;
  const int room = MOST - found;
  const int more = kws_spotter_feed(spotter, samples, count, detections + found, room);
  if (more < 0) throw_new(env, "java/lang/IllegalStateException", "the interpreter failed");
  return more < 0 ? -1 : found + (more < room ? more : room);
}

METHOD(jint, feed)
(JNIEnv *env, jclass class, jlong handle, jshortArray samples, jint count, jdoubleArray found) {
  (void)class;
  kws_detection detections[MOST];
  int number = 0;
  for (jint at = 0; at < count; at += CHUNK) {
    jshort integers[CHUNK];
    const jint part = count - at < CHUNK ? count - at : CHUNK;
    (*env)->GetShortArrayRegion(env, samples, at, part, integers);
    if ((*env)->ExceptionCheck(env)) return 0; /* more were announced than there are */
    number = feed_chunk(env, spotter_of(handle), integers, (size_t)part, detections, number);
    if (number < 0) return 0;
  }
  for (int k = 0; k < number; k++) {
    const jdouble numbers[3] = {detections[k].label, detections[k].time, detections[k].score};
    (*env)->SetDoubleArrayRegion(env, found, 3 * k, 3, numbers);
  }
  return number;
}

METHOD(void, scores)(JNIEnv *env, jclass class, jlong handle, jfloatArray scores) {
  (void)class;
  const kws_spotter *spotter = spotter_of(handle);
  (*env)->SetFloatArrayRegion(env, scores, 0, kws_spotter_labels(spotter),
                              kws_spotter_scores(spotter));
}

METHOD(jfloat, level)(JNIEnv *env, jclass class, jlong handle) {
  (void)env, (void)class;
  return kws_spotter_level(spotter_of(handle));
}

METHOD(void, costs)(JNIEnv *env, jclass class, jlong handle, jdoubleArray costs) {
  (void)class;
  const kws_spotter_cost cost = kws_spotter_costs(spotter_of(handle));
  const jdouble numbers[3] = {(double)cost.looks, cost.inference_seconds, cost.last};
  (*env)->SetDoubleArrayRegion(env, costs, 0, 3, numbers);
}
