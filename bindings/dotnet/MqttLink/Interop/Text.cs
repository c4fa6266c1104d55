using System;
using System.Runtime.InteropServices;
using System.Text;

namespace MqttLink.Interop
{
    /// <summary>Strings on their way into the library and out of it: UTF-8 that ends with NUL.</summary>
    internal static class Text
    {
        // Throws on half a surrogate pair, which has no UTF-8.
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>The bytes with a NUL behind them; null for null.</summary>
        /// <exception cref="ArgumentException">The text holds U+0000 or half a surrogate pair.</exception>
        internal static byte[] ToNative(string text, string name)
        {
            if (text == null)
            {
                return null;
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("the text holds U+0000, which MQTT does not allow", name);
            }
            try
            {
                var bytes = new byte[Strict.GetByteCount(text) + 1];
                Strict.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException exception)
            {
                throw new ArgumentException(
                    "the text holds half a surrogate pair, which is no character", name, exception);
            }
        }

        /// <summary>As <see cref="ToNative"/>, but null is not allowed.</summary>
        internal static byte[] Required(string text, string name)
        {
            return ToNative(text ?? throw new ArgumentNullException(name), name);
        }

        /// <summary>The string behind a pointer; null for NULL.</summary>
        internal static unsafe string FromNative(IntPtr pointer)
        {
            if (pointer == IntPtr.Zero)
            {
                return null;
            }
            var bytes = (byte*)pointer;
            var length = 0;
            while (bytes[length] != 0)
            {
                length++;
            }
            return Encoding.UTF8.GetString(bytes, length);
        }

        /// <summary>The string of so many bytes behind a pointer; null for NULL.</summary>
        internal static unsafe string FromNative(IntPtr pointer, UIntPtr length)
        {
            return pointer == IntPtr.Zero ? null : Encoding.UTF8.GetString((byte*)pointer, checked((int)length));
        }

        /// <summary>A copy of the bytes behind a pointer; null for NULL.</summary>
        internal static byte[] Bytes(IntPtr pointer, UIntPtr length)
        {
            if (pointer == IntPtr.Zero)
            {
                return null;
            }
            var bytes = new byte[checked((int)length)];
            Marshal.Copy(pointer, bytes, 0, bytes.Length);
            return bytes;
        }
    }
}
