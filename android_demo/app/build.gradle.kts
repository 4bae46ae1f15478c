plugins {
    id("com.android.application")
}

android {
    namespace = "kws.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "kws.demo"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
        externalNativeBuild {
            cmake {
                targets += "kws_jni"
                // Optimized in a debug build too: its latency is on the screen.
                arguments += "-DCMAKE_BUILD_TYPE=RelWithDebInfo"
            }
        }
    }

    externalNativeBuild { cmake { path = file("../../export/android/CMakeLists.txt") } }

    // The picker shows every .tflite of models/<name>/; the rest of those folders stays out.
    sourceSets { getByName("main") { assets.srcDir("../../models") } }
    androidResources { ignoreAssetsPattern = "!*.keras:!*.json:!*.md:!*.png:!*.toml:!.*" }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    // For its libtensorflowlite_jni.so, which has TensorFlow Lite's C API in it.
    implementation("com.google.ai.edge.litert:litert:1.4.0")
}
