//! The read-only globals of [`sensor_common::settings`].

/// A value that userspace sets before the program is loaded. The verifier treats it as a
/// constant.
#[repr(transparent)]
pub struct Setting<T>(T);

impl<T: Copy> Setting<T> {
    /// The value.
    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: reads an initialised static. Volatile, because the loader replaces the value
        // after the compiler has seen it.
        unsafe { (&raw const self.0).read_volatile() }
    }
}

macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// The settings, by name.
        pub mod setting {
            use super::Setting;
            $(
                $(#[$doc])*
                #[unsafe(no_mangle)]
                pub static $name: Setting<$type> = Setting($default);
            )*
        }
    };
}
sensor_common::for_each_setting!(declare);
